// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anyLayout draws one without racks, or with some whose names may go on like each other.
func anyLayout(t *rapid.T) Layout {
	racks := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-c0-1](-?[a-c0-1]){0,2}`), 0, 9, rapid.ID[string]).Draw(t, "racks")
	return New(rapid.StringMatching(`[a-z](-?[a-z0-9]){0,3}`).Draw(t, "datastore"), racks...)
}

// TestOneToOne: every number has a name of its own, and every name that has a number is
// that number's.
func TestOneToOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := anyLayout(rt)
		number := rapid.Int32Range(0, math.MaxInt32).Draw(rt, "number")
		if got, ok := l.Number(l.Member(number)); !ok || got != number {
			rt.Fatalf("%s is number %d, %t; want %d", l.Member(number), got, ok, number)
		}
		name := l.Member(number) + rapid.SampledFrom([]string{"", "-0", "0", "x", "-"}).Draw(rt, "more")
		if cut := rapid.IntRange(0, len(name)).Draw(rt, "cut"); rapid.Bool().Draw(rt, "shorter") {
			name = name[:cut]
		}
		if n, ok := l.Number(name); ok && l.Member(n) != name {
			rt.Fatalf("%s is number %d, which is %s", name, n, l.Member(n))
		}
	})
}

// TestEvenAtEverySize: the racks differ by one member at most, all together are the
// members, and the highest number that any may have is the last member's.
func TestEvenAtEverySize(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, total := anyLayout(rt), rapid.Int32Range(0, 1000).Draw(rt, "members")
		sizes := l.Sizes(total)
		var sum int32
		for _, size := range sizes {
			sum += size
		}
		if len(sizes) != len(l.StatefulSets()) || sum != total || slices.Max(sizes)-slices.Min(sizes) > 1 {
			rt.Fatalf("%d members are %v", total, sizes)
		}
		if got := l.Span(sizes); got != total {
			rt.Fatalf("%v spans %d members, want %d", sizes, got, total)
		}
	})
}

// TestShrinksByTheLast: with one member less, one StatefulSet loses its last pod, which
// is the one of the highest number, and it was a fullest one; the others stay.
func TestShrinksByTheLast(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, total := anyLayout(rt), rapid.Int32Range(1, 1000).Draw(rt, "members")
		before, after := l.Sizes(total), l.Sizes(total-1)
		for i, name := range l.StatefulSets() {
			last := before[i] > 0 && l.Member(total-1) == name+New("").Member(before[i]-1)
			switch {
			case before[i] == after[i] && !last:
			case before[i] == after[i]+1 && last && before[i] == slices.Max(before):
			default:
				rt.Fatalf("%d to %d members: %s of %v goes from %d to %d, and %s is the last", total, total-1, name, before, before[i], after[i], l.Member(total-1))
			}
		}
	})
}

// TestSpanIsTheStricterSide: whichever of the StatefulSets were written before a crash,
// the span is no less than before the change or after it, whichever is less, and no more
// than the other; and every pod that there may be is within it.
func TestSpanIsTheStricterSide(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := anyLayout(rt)
		from, to := rapid.Int32Range(0, 60).Draw(rt, "from"), rapid.Int32Range(0, 60).Draw(rt, "to")
		sizes := l.Sizes(from)
		written := rapid.IntRange(0, len(sizes)).Draw(rt, "written")
		copy(sizes, l.Sizes(to)[:written])
		span := l.Span(sizes)
		if span < min(from, to) || span > max(from, to) {
			rt.Fatalf("from %d to %d after %d were written: %v spans %d", from, to, written, sizes, span)
		}
		for i, name := range l.StatefulSets() {
			for ordinal := range sizes[i] {
				n, ok := l.Number(name + New("").Member(ordinal))
				if !ok || n >= span {
					rt.Fatalf("%v spans %d, and %s%s is number %d", sizes, span, name, New("").Member(ordinal), n)
				}
			}
		}
	})
}

func TestNames(t *testing.T) {
	for name, c := range map[string]struct {
		l    Layout
		want []string
		sets []string
		not  []string
	}{
		"without racks": {
			New("db"), []string{"db-0", "db-1", "db-2"}, []string{"db"},
			[]string{"db", "db-", "db-01", "db--1", "db-x-0", "dbx-0", "db-99999999999", "db-rack-a-0"},
		},
		"with racks": {
			New("db", "b", "a", "a-1"), []string{"db-rack-b-0", "db-rack-a-0", "db-rack-a-1-0", "db-rack-b-1", "db-rack-a-1", "db-rack-a-1-1"},
			[]string{"db-rack-b", "db-rack-a", "db-rack-a-1"},
			[]string{"db-0", "db-rack-c-0", "db-rack-a", "db-rack-a-", "db-rack-b-2147483647", "db-rack-a-1-", "rack-a-0"},
		},
	} {
		for i, want := range c.want {
			rack := ""
			if racks := c.l.Racks(); len(racks) > 0 {
				rack = "-rack-" + racks[i%len(racks)]
			}
			if got := c.l.Rack(int32(i)); got != strings.TrimPrefix(rack, "-rack-") || !strings.HasPrefix(want, "db"+rack+"-") {
				t.Errorf("%s: %s is in rack %q", name, want, got)
			}
			if got := c.l.Member(int32(i)); got != want {
				t.Errorf("%s: member %d is %s, want %s", name, i, got, want)
			}
		}
		if got := c.l.StatefulSets(); !slices.Equal(got, c.sets) {
			t.Errorf("%s: the StatefulSets are %v, want %v", name, got, c.sets)
		}
		for _, member := range c.not {
			if n, ok := c.l.Number(member); ok {
				t.Errorf("%s: %s is number %d", name, member, n)
			}
		}
	}
	if got := New("db", "a", "b").Span([]int32{math.MaxInt32, 0}); got != math.MaxInt32 {
		t.Errorf("a size that somebody wrote spans %d", got)
	}
}
