// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package faultpoint names the places between two side effects that belong
// together, so that tests can have the process die exactly there.
//
// A point does nothing unless the environment names it. It then ends the
// process as a crash would: nothing is flushed, closed or deferred.
package faultpoint

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// Env names the point to die at: "name" for the first time that it is
	// reached, "name@n" for the n-th time in one process.
	Env = "QUORATE_FAULTPOINT"
	// OnceEnv names a file. Where it is set, the process dies only if the file
	// does not exist, and makes it first: a restarted process then goes on.
	OnceEnv = "QUORATE_FAULTPOINT_ONCE"
)

// Point is one named place in the program.
type Point struct {
	name    string
	reached *atomic.Int64
}

var (
	mu     sync.Mutex
	points = map[string]Point{}
)

// New registers a point. It is meant for package-level variables; a name given
// twice is a fault of the program, and panics.
func New(name string) Point {
	mu.Lock()
	defer mu.Unlock()
	if _, dup := points[name]; dup {
		panic(fmt.Sprintf("fault point %q is registered twice", name))
	}
	p := Point{name: name, reached: &atomic.Int64{}}
	points[name] = p
	return p
}

// All returns the names of all points in the packages that are linked in, in
// order.
func All() []string {
	mu.Lock()
	defer mu.Unlock()
	out := make([]string, 0, len(points))
	for name := range points {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// String returns the name of the point.
func (p Point) String() string { return p.name }

// Reach ends the process if the environment asks for it here.
func (p Point) Reach() {
	wanted, ok := chosen()
	if !ok || wanted.name != p.name {
		return
	}
	if p.reached.Add(1) == wanted.nth && first() {
		die()
	}
}
