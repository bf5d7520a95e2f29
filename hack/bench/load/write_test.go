// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"slices"
	"testing"
	"time"
)

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }

func TestLongest(t *testing.T) {
	acked := func(ms ...int) []Write {
		var out []Write
		for _, m := range ms {
			out = append(out, Write{Acked: at(m)})
		}
		return out
	}
	never := Write{}
	for _, c := range []struct {
		name     string
		writes   []Write
		from, to int
		want     Gap
	}{
		{"even", acked(0, 50, 100, 150), 0, 160, Gap{Length: 50 * time.Millisecond}},
		{"out of order, as answers come", acked(150, 0, 500, 100), 0, 500, Gap{Length: 350 * time.Millisecond}},
		{"what was before does not count", acked(0, 900, 1000, 1050), 950, 1060, Gap{Length: 100 * time.Millisecond}},
		{"one that reaches over the beginning does", acked(0, 800), 400, 810, Gap{Length: 800 * time.Millisecond}},
		{"what came first after the end ends it", acked(0, 100, 3000, 9000), 0, 2000, Gap{Length: 2900 * time.Millisecond}},
		{"cut off by the end", acked(0, 100), 0, 2000, Gap{Length: 1900 * time.Millisecond, Open: true}},
		{"one that failed does not end it", append(acked(0, 700), never), 0, 700, Gap{Length: 700 * time.Millisecond}},
		{"none at all", []Write{never}, 200, 1200, Gap{Length: time.Second, Open: true}},
		{"none since", acked(0, 100), 200, 1200, Gap{Length: time.Second, Open: true}},
	} {
		if got := Longest(c.writes, at(c.from), at(c.to)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if got := (Gap{Length: 1234 * time.Millisecond, Open: true}).Seconds(); got != "≥ 1.23" {
		t.Errorf("an open gap is written %q", got)
	}
}

func TestCountAndLost(t *testing.T) {
	writes := []Write{
		{Key: "bench/0", Value: "a", Acked: at(1)},
		{Key: "bench/1", Value: "b", Acked: at(2), Retried: true},
		{Key: "bench/2", Value: "c", Retried: true},
		{Key: "bench/3", Value: "d", Acked: at(3)},
	}
	if got, want := Count(writes), (Summary{Acknowledged: 3, Failed: 1, Retried: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	stored, err := decode(`[{"Key":"bench/0","Value":"YQ=="},{"Key":"bench/3","Value":"eA=="}]`)
	if err != nil {
		t.Fatal(err)
	}
	if got := Lost(writes, stored); !slices.Equal(got, []string{"bench/1", "bench/3"}) {
		t.Errorf("lost are %v: one is not there, one has another value, one was never acknowledged", got)
	}
	if got := Lost(writes, map[string]string{"bench/0": "a", "bench/1": "b", "bench/3": "d"}); got != nil {
		t.Errorf("%v are not lost", got)
	}
	if _, err := decode("No cluster leader"); err == nil {
		t.Error("an error was read as keys")
	}
}
