// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDesiredWants(t *testing.T) {
	d := Desired{Members: []string{"db-0", "db-1"}, Lost: map[string][]string{"db-2": {"id"}}}
	for name, want := range map[string]bool{"db-0": true, "db-1": true, "db-2": false, "db": false, "": false} {
		if got := d.Wants(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// An identity under no name is nobody's.
func TestAssessmentByName(t *testing.T) {
	a := Assessment{Peers: []Peer{
		{ID: "a", Name: "db-0", Voter: true, Healthy: true}, {ID: "b", Name: "db-1", Voter: true},
		{ID: "c", Name: "db-1", Healthy: true}, {ID: "d", Voter: true, Healthy: true},
	}}
	if diff := cmp.Diff([]Peer{a.Peers[1], a.Peers[2]}, a.PeersNamed("db-1")); diff != "" {
		t.Error(diff)
	}
	if got := a.PeersNamed("db-2"); got != nil {
		t.Errorf("%v", got)
	}
	if voters, healthy := a.Voters(); voters != 3 || healthy != 2 {
		t.Errorf("%d voters, %d healthy; want 3 and 2", voters, healthy)
	}
}

func TestStepIsAboutItsSubject(t *testing.T) {
	if got := (Step{Member: "db-0", Subject: "db-2"}).About(); got != "db-2" {
		t.Error(got)
	}
	if got := (Step{Member: "db-0"}).About(); got != "db-0" {
		t.Error(got)
	}
}

func TestDisruptive(t *testing.T) {
	for c, want := range map[Cost]bool{{}: false, {Voters: 1}: true, {Membership: true}: true, {Voters: 1, Membership: true}: true} {
		if got := c.Disruptive(); got != want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestMajority(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4, 7: 4} {
		if got := Majority(n); got != want {
			t.Errorf("of %d: %d, want %d", n, got, want)
		}
	}
}
