// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/enginetest/ring"
	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/plan"
)

// looker is Consul, and notes where it was told that members are.
type looker struct {
	consul.Engine
	racks *[]string
}

func (l looker) Assess(have engine.Observation) engine.Assessment {
	*l.racks = nil
	for _, m := range have.Members {
		*l.racks = append(*l.racks, m.Rack)
	}
	return l.Engine.Assess(have)
}

// Racks are in the ledger from the start, and name the members; engines are told them,
// and nothing else is planned by them.
func TestRacksNameTheMembers(t *testing.T) {
	racks := []string{"z", "a"}
	s := plan.State{Name: "db", Racks: racks, NewClusterID: "c", Wanted: plan.Wanted{Replicas: 3, Template: "t"}}
	names := layout.New("db", racks...)
	for i := range int32(3) {
		s.Members = append(s.Members, plan.Member{
			Name: names.Member(i), Ordinal: i, Pod: &plan.Pod{UID: names.Member(i), Template: "t"}, Claim: &plan.Claim{UID: "c" + names.Member(i)},
			Report: &engine.Report{Member: names.Member(i), PodUID: names.Member(i), Volume: engine.VolumeEmpty},
		})
	}
	var seen []string
	d := plan.Next(looker{racks: &seen}, s)
	if !slices.Equal(d.Ledger.Racks, racks) || !slices.Equal(seen, []string{"z", "a", "z"}) {
		t.Errorf("the ledger has the racks %v, and the engine was told %v", d.Ledger.Racks, seen)
	}
	var asked []string
	for _, a := range d.Asks {
		asked = append(asked, a.Member)
		if !slices.Equal(a.Grant.Founders, []string{"db-rack-z-0", "db-rack-a-0", "db-rack-z-1"}) {
			t.Errorf("%s is to form with %v", a.Member, a.Grant.Founders)
		}
	}
	if len(asked) != 3 || asked[1] != "db-rack-a-0" {
		t.Errorf("asked are %v: %+v", asked, d.Plan)
	}
	other := d.Ledger.Clone()
	other.Racks = []string{"a", "z"}
	if d.Ledger.Equal(other) {
		t.Error("another order is not noticed")
	}
}

// A rack gets a second member only once each has one, and it is said for whom one waits.
func TestARackGetsASecondMemberOnceEachHasOne(t *testing.T) {
	for name, tt := range map[string]struct {
		racks   int32
		in      []int // who is in the ring
		gates   []int // who waits to join
		silent  []int // whose pods do not report
		replica int32
		want    string
	}{
		"one by one":                                {3, []int{0, 1}, []int{2, 3}, nil, 4, "Grant db-2"},
		"the third has no node":                     {3, []int{0, 1}, []int{3}, nil, 4, "the rack of db-2 has no member yet, and db-2 has no pod yet"},
		"the third does not report":                 {3, []int{0, 1}, []int{3}, []int{2}, 4, "the rack of db-2 has no member yet, and db-2 has not reported yet"},
		"the second does not report":                {3, []int{0}, []int{2, 3}, []int{1}, 4, "Grant db-2"},
		"the fourth is the first of its rack":       {4, []int{0, 1}, []int{3}, []int{2}, 4, "Grant db-3"},
		"the sixth is the third of three racks":     {3, []int{0, 1, 2, 3}, []int{5}, []int{4}, 6, "Grant db-5"},
		"one that was lost, and the only one too":   {3, []int{1, 3}, []int{0, 2}, nil, 4, "Grant db-2"},
		"one that was lost, and the only one's not": {3, []int{1, 3}, []int{0}, nil, 4, "the rack of db-2 has no member yet, and db-2 has no pod yet"},
		"fewer are wanted than there are racks":     {3, []int{1, 3}, []int{0}, nil, 2, "Grant db-0"},
		"without racks":                             {0, []int{0, 1}, []int{3}, []int{2}, 4, "Grant db-3"},
	} {
		t.Run(name, func(t *testing.T) {
			s := ringAtGates(tt.replica, tt.in, tt.gates, tt.silent)
			s.Set.Racks = tt.racks
			d := plan.Next(ring.Engine{}, s)
			got := d.Plan.Message
			for _, a := range d.Asks {
				got = string(a.Kind()) + " " + a.Member
			}
			if got != tt.want {
				t.Errorf("%q, want %q: %+v", got, tt.want, d.Plan)
			}
			if blocked := d.Plan.BlockedBy == plan.GuardRacksFilled; blocked != (len(d.Asks) == 0) {
				t.Errorf("blocked by %q", d.Plan.BlockedBy)
			}
		})
	}
}

// ringAtGates is a ring of these members, with others at their gates or silent.
func ringAtGates(replicas int32, in, gates, silent []int) plan.State {
	s := plan.State{
		Name: "db", Wanted: plan.Wanted{Replicas: replicas, Template: "t"}, Epoch: 1, Retained: true,
		Set: &plan.Set{Replicas: 6, Template: "t", Settled: true}, Budget: &plan.Budget{Closed: true, Epoch: 1},
		Ledger: &plan.Ledger{ClusterID: "c", Epoch: 1, FormationSize: 1, Formed: true, Bootstrapped: true, Members: map[string]plan.Entry{}},
	}
	view := &engine.View{}
	for i := range int32(6) {
		name := s.MemberName(i)
		m := plan.Member{Name: name, Ordinal: i}
		joined := slices.Contains(in, int(i))
		if joined || slices.Contains(gates, int(i)) || slices.Contains(silent, int(i)) {
			m.Pod, m.Claim = &plan.Pod{UID: name, Template: "t", Started: joined, Ready: joined}, &plan.Claim{UID: "c" + name}
		}
		if joined {
			view.Peers = append(view.Peers, engine.Peer{ID: "id-" + name, Name: name, Voter: true, Healthy: true})
			s.Ledger.Members[name] = plan.Entry{Grant: engine.GrantJoin, PodUID: name, ClaimUID: "c" + name, ID: "id-" + name, Joined: true}
			m.Report = &engine.Report{
				Member: name, PodUID: name, ClusterID: "c", ClaimUID: "c" + name, Volume: engine.VolumeMember, Grant: engine.GrantJoin, Released: true, Epoch: 1,
				Server: engine.Server{Running: true, Formed: true, Serving: true, ID: "id-" + name, View: view},
			}
		} else if slices.Contains(gates, int(i)) {
			m.Report = &engine.Report{Member: name, PodUID: name, Volume: engine.VolumeEmpty}
		}
		s.Members = append(s.Members, m)
	}
	return s
}
