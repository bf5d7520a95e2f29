// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"strings"
	"time"

	"github.com/quorate/quorate/hack/bench/load"
	"github.com/quorate/quorate/hack/bench/quorum"
	"github.com/quorate/quorate/hack/bench/stats"
)

// outcome is one scenario, played once with one subject.
type outcome struct {
	gap    load.Gap
	writes load.Summary
	// lost are keys that were acknowledged and could not be read at the end;
	// read tells that keys could be read at all.
	lost []string
	read bool
	// back is the time to all voters, and is whole whether they came; lacks says
	// what was missing when that was given up.
	back  time.Duration
	whole bool
	lacks string
	low   quorum.Low
	// notes are for the reader; complaints are of what must not be.
	notes, complaints []string
	// skipped says why it was not played, failed why it could not be to its end.
	skipped, failed string
	took            time.Duration
}

// goal is what is asked of a Datastore. Besides, always: nothing lost, all
// voters back, no worse than the tutorial.
type goal struct {
	// gap and back are upper bounds; zero where none is named.
	gap, back time.Duration
	// oneAway asks that no more than one voter was ever away, quorum, that there
	// always was one.
	oneAway, quorum bool
}

// text says what is asked.
func (t goal) text() string {
	var parts []string
	if t.gap > 0 {
		parts = append(parts, fmt.Sprintf("gap ≤ %g s", t.gap.Seconds()))
	}
	if t.back > 0 {
		parts = append(parts, fmt.Sprintf("back ≤ %g s", t.back.Seconds()))
	}
	if t.oneAway {
		parts = append(parts, "at most one voter away")
	}
	if t.quorum {
		parts = append(parts, "always a quorum")
	}
	return strings.Join(parts, ", ")
}

// tie is by how much a figure may be above the tutorial's: where there is
// nothing left to beat, this much is chance.
const tie = 100 * time.Millisecond

// misses says what one outcome lacks of a target.
func (t goal) misses(o outcome) []string {
	if o.failed != "" {
		return []string{o.failed}
	}
	var out []string
	miss := func(is bool, format string, args ...any) {
		if is {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	miss(!o.read, "the keys could not be read")
	miss(len(o.lost) > 0, "%d acknowledged writes are lost, such as %s", len(o.lost), first(o.lost))
	miss(!o.whole, "not all voters are back: %s", o.lacks)
	miss(t.gap > 0 && o.gap.Length > t.gap, "gap of %s s, and not ≤ %g s", o.gap.Seconds(), t.gap.Seconds())
	miss(o.whole && t.back > 0 && o.back > t.back, "back after %.2f s, and not ≤ %g s", o.back.Seconds(), t.back.Seconds())
	miss(!o.low.Known, "who belongs to the set could never be read")
	miss(t.oneAway && o.low.Away > 1, "%d voters away at the same time", o.low.Away)
	miss(t.quorum && o.low.Tolerance < 0, "no quorum on the way")
	return append(out, o.complaints...)
}

func first(of []string) string {
	if len(of) == 0 {
		return ""
	}
	return of[0]
}

// played are the outcomes that figures can be taken of.
func played(of []outcome) []outcome {
	var out []outcome
	for _, o := range of {
		if o.skipped == "" && o.failed == "" {
			out = append(out, o)
		}
	}
	return out
}

func gaps(of []outcome) stats.Series {
	var out stats.Series
	for _, o := range played(of) {
		out = append(out, o.gap.Length)
	}
	return out
}

// backs are the times of those that came back.
func backs(of []outcome) stats.Series {
	var out stats.Series
	for _, o := range played(of) {
		if o.whole {
			out = append(out, o.back)
		}
	}
	return out
}

// judge says what all runs of a Datastore lack: each of the target, and their
// medians of the tutorial's. Where nothing was played there is no verdict.
func judge(t goal, own, rival []outcome) (misses []string, judged bool) {
	for i, o := range own {
		if o.skipped != "" {
			continue
		}
		judged = true
		for _, miss := range t.misses(o) {
			if len(own) > 1 {
				miss = fmt.Sprintf("run %d: %s", i+1, miss)
			}
			misses = append(misses, miss)
		}
	}
	if len(played(own)) == 0 || len(played(rival)) == 0 {
		return misses, judged
	}
	if mine, theirs := gaps(own).Median(), gaps(rival).Median(); mine > theirs+tie {
		misses = append(misses, fmt.Sprintf("gap of %.2f s where the tutorial has %.2f s", mine.Seconds(), theirs.Seconds()))
	}
	mine, theirs := backs(own), backs(rival)
	if len(mine) > 0 && len(theirs) == len(played(rival)) && mine.Median() > theirs.Median()+tie {
		misses = append(misses, fmt.Sprintf("back after %.2f s where the tutorial is after %.2f s", mine.Median().Seconds(), theirs.Median().Seconds()))
	}
	return misses, judged
}
