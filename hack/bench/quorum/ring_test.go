// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// ring is a look at so many members of a ring with which nothing is wrong, by the word
// of each.
func ring(size int) (Sample, []Heard) {
	s := whole(size)
	var views []Heard
	for i, m := range s.Members {
		view := Heard{Answer: Answer{Alive: true}, ID: fmt.Sprintf("id-%d", i)}
		for _, p := range s.Peers {
			p.Leader = false
			view.Peers = append(view.Peers, p)
			view.Health = append(view.Health, Server{ID: p.ID, Healthy: true})
		}
		views, s.Answers[m.Name] = append(views, view), view.Answer
	}
	s.Replicas = 3
	return s, views
}

func TestWhatTheMembersOfARingSayIsTakenTogether(t *testing.T) {
	for name, c := range map[string]struct {
		change func(views []Heard) []Heard
		want   string
	}{
		"all say the same":            {func(v []Heard) []Heard { return v }, ""},
		"one does not answer":         {func(v []Heard) []Heard { return v[:2] }, ""}, // its answer is missing, which is told elsewhere
		"nobody does":                 {func([]Heard) []Heard { return nil }, "nobody tells the configuration"},
		"one is not heard by another": {func(v []Heard) []Heard { v[1].Health[2].Healthy = false; return v }, "consul-2 is not healthy"},
		"one joins in another's eyes": {func(v []Heard) []Heard { v[1].Peers[2].Voter = false; return v }, "consul-2 has no vote yet"},
		"one has a ring of its own":   {func(v []Heard) []Heard { v[2].Peers, v[2].Health = v[2].Peers[2:], v[2].Health[2:]; return v }, "consul-0 has no vote yet"},
		"one is not forgotten by another": {func(v []Heard) []Heard {
			v[0].Peers = append(v[0].Peers, Peer{ID: "old", Address: "10.9.9.9:7000", Voter: true})
			return v
		}, "4 servers"},
		"one had another address": {func(v []Heard) []Heard { v[0].Peers[1].Address = "10.0.0.1:7000"; return v }, "4 servers"},
	} {
		t.Run(name, func(t *testing.T) {
			s, views := ring(3)
			s.Peers, s.Health = merge(c.change(views))
			if why := s.Lacks(3); !strings.Contains(why, c.want) || (why == "") != (c.want == "") {
				t.Errorf("it lacks %q, want %q", why, c.want)
			}
		})
	}
}

func TestARingNeedsAsManyAsItsRowsDo(t *testing.T) {
	for _, c := range []struct{ size, silent, tolerance int }{{1, 0, 0}, {2, 0, 0}, {3, 0, 1}, {3, 1, 0}, {5, 0, 1}, {5, 1, 0}, {5, 2, -1}} {
		s, views := ring(c.size)
		s.Peers, s.Health = merge(views)
		for i := range c.silent {
			s.Answers[fmt.Sprintf("consul-%d", i)] = Answer{}
		}
		low := Lowest([]Sample{s, sampled(1, s)}, begin.Add(time.Second), begin.Add(time.Second))
		if low.Tolerance != c.tolerance {
			t.Errorf("%d members, %d silent: a tolerance of %d, want %d", c.size, c.silent, low.Tolerance, c.tolerance)
		}
	}
}

// said is a prober of a ring that says what it was given.
type said map[string]Heard

func (s said) Ask(_ context.Context, m Member) Heard { return s[m.Name] }
func (said) Close(context.Context)                   {}
func (said) Replicas() int                           { return 3 }

func TestARingIsLookedAt(t *testing.T) {
	s, views := ring(3)
	prober := said{}
	for i, m := range s.Members {
		prober[m.Name] = views[i]
	}
	p := &Poller{Prober: prober}
	p.look(t.Context(), begin, s.Members)
	if why := p.Last().Lacks(3); why != "" {
		t.Errorf("it lacks %s", why)
	}
	delete(prober, "consul-1")
	p.look(t.Context(), begin.Add(time.Second), s.Members)
	if why := p.Last().Lacks(3); why != "consul-1 does not answer" {
		t.Errorf("without one of them it lacks %q", why)
	}
	if _, leads := p.Last().Leader(); leads {
		t.Error("somebody leads a ring")
	}
}

func TestHeartbeats(t *testing.T) {
	h := hearts{}
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	for i, c := range []struct {
		observer         string
		generation, beat int
		at               int
		want             bool
	}{
		{"a", 1, 10, 0, false}, // what is heard first may be old
		{"a", 1, 11, 1, true},
		{"a", 1, 11, 3, true},
		{"a", 1, 11, 7, false}, // it has stopped
		{"a", 2, 1, 8, true},   // another process
		{"b", 2, 1, 8, false},  // another observer
	} {
		if got := h.beats(c.observer, "10.0.0.1", pulse{c.generation, c.beat}, at(c.at)); got != c.want {
			t.Errorf("heartbeat %d: %t, want %t", i, got, c.want)
		}
	}
}
