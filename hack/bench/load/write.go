// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package load has clients that write keys at a steady pace while
// something else happens to the servers, and say afterwards what became of their
// writes.
package load

import (
	"fmt"
	"slices"
	"time"
)

// Write is one key that a client tried to write.
type Write struct {
	Key, Value string
	// Acked is when the servers' word came that it is written; zero where it
	// never came, which says nothing of whether it is.
	Acked time.Time
	// Retried tells that the first try failed, where the client makes the second.
	Retried bool
	// Error is what the last try ended with, where a client says it.
	Error string
}

// Gap is a time without any acknowledged write.
type Gap struct {
	Length time.Duration
	// Open tells that no write was acknowledged to its end: it was cut off by
	// the end of the measurement.
	Open bool
}

// Seconds writes it with two decimals; one that is open begins with ≥.
func (g Gap) Seconds() string {
	text := fmt.Sprintf("%.2f", g.Length.Seconds())
	if g.Open {
		return "≥ " + text
	}
	return text
}

// Longest returns the longest gap between two acknowledged writes of which the
// later came after from, and the earlier before to. Where none came any more,
// the time from the last one to that end is a gap, too.
func Longest(writes []Write, from, to time.Time) Gap {
	var acked []time.Time
	for _, w := range writes {
		if !w.Acked.IsZero() {
			acked = append(acked, w.Acked)
		}
	}
	slices.SortFunc(acked, time.Time.Compare)
	last, longest := from, Gap{}
	for _, at := range acked {
		if at.After(from) {
			longest.Length = max(longest.Length, at.Sub(last))
		}
		last = at
		if at.After(to) {
			return longest
		}
	}
	if last.Before(from) {
		last = from
	}
	if rest := to.Sub(last); rest > longest.Length {
		longest = Gap{Length: rest, Open: true}
	}
	return longest
}

// Summary is what became of the writes.
type Summary struct {
	// Acknowledged and Failed count writes; a failed one may have been written.
	Acknowledged, Failed, Retried int
}

// Count counts the writes.
func Count(writes []Write) Summary {
	var s Summary
	for _, w := range writes {
		if w.Acked.IsZero() {
			s.Failed++
		} else {
			s.Acknowledged++
		}
		if w.Retried {
			s.Retried++
		}
	}
	return s
}

// Lost returns the keys whose write was acknowledged and that are not stored,
// or not with the value that was written.
func Lost(writes []Write, stored map[string]string) []string {
	var lost []string
	for _, w := range writes {
		if value, there := stored[w.Key]; !w.Acked.IsZero() && (!there || value != w.Value) {
			lost = append(lost, w.Key)
		}
	}
	return lost
}
