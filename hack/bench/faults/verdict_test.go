// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/hack/bench/load"
	"github.com/quorate/quorate/hack/bench/quorum"
)

// good is an outcome with which nothing is wrong.
func good() outcome {
	return outcome{
		gap: load.Gap{Length: 100 * time.Millisecond}, writes: load.Summary{Acknowledged: 200}, read: true,
		back: 4 * time.Second, whole: true, low: quorum.Low{Known: true, Tolerance: 0, Healthy: 2, Away: 1},
	}
}

func with(change func(*outcome)) outcome {
	o := good()
	change(&o)
	return o
}

func TestMisses(t *testing.T) {
	asked := goal{gap: 500 * time.Millisecond, back: 8 * time.Second, oneAway: true, quorum: true}
	if got := asked.misses(good()); got != nil {
		t.Fatalf("nothing is wrong, and it misses %q", got)
	}
	for _, c := range []struct {
		change func(*outcome)
		want   string
	}{
		{func(o *outcome) { o.read = false }, "could not be read"},
		{func(o *outcome) { o.lost = []string{"bench/000007", "bench/000008"} }, "2 acknowledged writes are lost, such as bench/000007"},
		{func(o *outcome) { o.whole, o.lacks = false, "consul-1 does not run" }, "not all voters are back: consul-1 does not run"},
		{func(o *outcome) { o.gap.Length = 501 * time.Millisecond }, "gap of 0.50 s, and not ≤ 0.5 s"},
		{func(o *outcome) { o.back = 9 * time.Second }, "back after 9.00 s, and not ≤ 8 s"},
		{func(o *outcome) { o.low = quorum.Low{} }, "could never be read"},
		{func(o *outcome) { o.low.Away = 2 }, "2 voters away"},
		{func(o *outcome) { o.low.Tolerance = -1 }, "no quorum"},
		{func(o *outcome) { o.complaints = []string{"restarted: consul-0"} }, "restarted: consul-0"},
		{func(o *outcome) { *o = outcome{failed: "it has not formed"} }, "it has not formed"},
	} {
		got := asked.misses(with(c.change))
		if len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("it misses %q, want %q", got, c.want)
		}
	}
	if got := (goal{}).misses(with(func(o *outcome) { o.gap.Length, o.back, o.low.Away, o.low.Tolerance = time.Hour, time.Hour, 3, -2 })); got != nil {
		t.Errorf("nothing is asked, and it misses %q", got)
	}
}

func TestJudge(t *testing.T) {
	gap := func(s float64) outcome {
		return with(func(o *outcome) { o.gap.Length = time.Duration(s * float64(time.Second)) })
	}
	back := func(s float64) outcome {
		return with(func(o *outcome) { o.back = time.Duration(s * float64(time.Second)) })
	}
	never := with(func(o *outcome) { o.whole = false })
	for _, c := range []struct {
		name       string
		own, rival []outcome
		want       []string
		judged     bool
	}{
		{"nothing was played", nil, []outcome{good()}, nil, false},
		{"it was skipped", []outcome{{skipped: "no machine"}}, []outcome{good()}, nil, false},
		{"nobody to compare with", []outcome{gap(3)}, nil, nil, true},
		{"a tie", []outcome{gap(0.2)}, []outcome{gap(0.1)}, nil, true},
		{"a worse gap", []outcome{gap(0.21)}, []outcome{gap(0.1)}, []string{"gap of 0.21 s where the tutorial has 0.10 s"}, true},
		{"a later return", []outcome{back(9)}, []outcome{back(5)}, []string{"back after 9.00 s where the tutorial is after 5.00 s"}, true},
		{"the tutorial never returns", []outcome{back(9)}, []outcome{never}, nil, true},
		{"medians count", []outcome{gap(9), gap(0.1), gap(0.1)}, []outcome{gap(0.1)}, nil, true},
		{"every run counts", []outcome{good(), never}, nil, []string{"run 2: not all voters are back: "}, true},
		{"one that failed", []outcome{{failed: "no cluster"}}, []outcome{good()}, []string{"no cluster"}, true},
	} {
		misses, judged := judge(goal{}, c.own, c.rival)
		if !slices.Equal(misses, c.want) || judged != c.judged {
			t.Errorf("%s: %q, %t; want %q, %t", c.name, misses, judged, c.want, c.judged)
		}
	}
}

func TestCells(t *testing.T) {
	open := with(func(o *outcome) { o.gap.Open = true })
	lost := with(func(o *outcome) { o.lost = []string{"a", "b"} })
	blind := with(func(o *outcome) { o.read = false })
	never := with(func(o *outcome) { o.whole, o.low.Tolerance = false, -1 })
	unknown := with(func(o *outcome) { o.low = quorum.Low{} })
	late := with(func(o *outcome) { o.back, o.writes.Failed = 9*time.Second, 7 })
	failed := func(o outcome) int { return o.writes.Failed }
	tolerance := func(o outcome) int { return o.low.Tolerance }
	for _, c := range []struct{ got, want string }{
		{gapCell([]outcome{good()}), "0.10"},
		{gapCell([]outcome{open}), "≥ 0.10"},
		{gapCell([]outcome{good(), good()}), "0.10 (0.10–0.10)"},
		{backCell([]outcome{good()}), "4.00"},
		{backCell([]outcome{good(), late}), "6.50 (4.00–9.00)"},
		{backCell([]outcome{never}), "not back"},
		{backCell([]outcome{good(), never}), "4.00; 1 of 2 not back"},
		{lostCell([]outcome{good(), good()}), "0"},
		{lostCell([]outcome{good(), lost}), "2"},
		{lostCell([]outcome{lost, blind}), "not readable"},
		{count([]outcome{good(), late, late}, failed), "7"},
		{least([]outcome{good(), never, unknown}, tolerance), "-1"},
		{least([]outcome{unknown}, tolerance), "–"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
