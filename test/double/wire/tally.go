// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"slices"
	"strings"
)

// Tally is how many requests of each kind were done.
type Tally map[string]int

// Count tallies writes that the API server did, by verb and resource.
func Count(writes []Write) Tally {
	out := Tally{}
	for _, w := range writes {
		if w.Done() {
			out[w.Verb+" "+w.Resource]++
		}
	}
	return out
}

// Objects counts what is not a status.
func (t Tally) Objects() int {
	return t.sum(func(key string) bool { return !strings.HasSuffix(key, "/status") })
}

// Statuses counts what is.
func (t Tally) Statuses() int {
	return t.sum(func(key string) bool { return strings.HasSuffix(key, "/status") })
}

// Of counts one verb.
func (t Tally) Of(verb string) int {
	return t.sum(func(key string) bool { return strings.HasPrefix(key, verb+" ") })
}

func (t Tally) sum(of func(key string) bool) int {
	n := 0
	for key, count := range t {
		if of(key) {
			n += count
		}
	}
	return n
}

// String is a table in the order of its rows.
func (t Tally) String() string {
	rows := make([]string, 0, len(t))
	for key, n := range t {
		rows = append(rows, fmt.Sprintf("%4d  %s", n, key))
	}
	slices.SortFunc(rows, func(a, b string) int { return strings.Compare(a[6:], b[6:]) })
	return fmt.Sprintf("%s\n%4d objects, %d statuses", strings.Join(rows, "\n"), t.Objects(), t.Statuses())
}
