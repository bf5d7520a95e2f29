// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/hack/bench/load"
	"github.com/quorate/quorate/hack/bench/quorum"
)

// engine is all that differs between the servers that are measured.
type engine struct {
	// key is short; name is the servers' own, with what a reader has to know of them.
	key, name string
	// set is the name of StatefulSet and Datastore.
	set string
	// images is a pattern of archives that the nodes need besides those that all do.
	images string
	// patience is for how long a set may take to form, or an operation to begin; zero
	// for the usual time.
	patience time.Duration
	// older and newer are the releases between which is upgraded; the newer one is
	// used where nothing is.
	older, newer string
	// tutorial is looked after by a person, datastore by the operator.
	tutorial, datastore subject
	// scenarios are all, in the order in which they are played.
	scenarios func() []scenario
	// replaced waits for the first member to be another one than before.
	replaced func(before, now quorum.Sample) string
	// handOver has the leader hand over to the member of an identity, or where the
	// servers choose by themselves to any.
	handOver func(ctx context.Context, st *stage, leader quorum.Member, to string) error
	// prober and client look at the set and write to it.
	prober func(ctx context.Context, st *stage) (quorum.Prober, error)
	client func(ctx context.Context, st *stage, sc scenario) (writer, error)
	// target is the command that measures it, report the page that is written, and
	// explained what that says of how is measured.
	target, report string
	explained      func() string
}

// writer writes at a steady pace, and tells what became of it.
type writer interface {
	Run(ctx context.Context)
	Writes() []load.Write
	Stored(ctx context.Context) (map[string]string, error)
}

// member is the name of one by its ordinal.
func (e *engine) member(ordinal int) string { return fmt.Sprintf("%s-%d", e.set, ordinal) }

func (e *engine) subjects() []subject { return []subject{e.tutorial, e.datastore} }

// within is for how long something of this engine's servers is waited for.
func (e *engine) within(usual time.Duration) time.Duration { return max(usual, e.patience) }

// engineOf returns the one of a name.
func engineOf(name string) (*engine, error) {
	known := map[string]func() *engine{"consul": consul, "mongodb": mongodb, "cassandra": cassandra}
	if of, ok := known[strings.ToLower(name)]; ok {
		return of(), nil
	}
	return nil, fmt.Errorf("nothing is measured of %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
}
