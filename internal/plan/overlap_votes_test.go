// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/plan"
)

// members is a formed MongoDB set at rest, of which the first leads, with n voters; those
// beyond them were let join and run: as many as in are in the membership without a vote.
func members(n, more, in int) plan.State {
	s := plan.State{Name: "db", Epoch: 1, Budget: &plan.Budget{Closed: true, Epoch: 1}, Wanted: plan.Wanted{Replicas: int32(n + more), Template: "t"}}
	s.Set = &plan.Set{Replicas: int32(n + more), Template: "t", Settled: true}
	s.Ledger = &plan.Ledger{ClusterID: "c", SetID: "set", Epoch: 1, FormationSize: 1, Formed: true, Bootstrapped: true}
	s.Ledger.Members = map[string]plan.Entry{}
	view := &engine.View{}
	for i := range n + more {
		name, pod, claim, id := fmt.Sprintf("db-%d", i), fmt.Sprintf("p%d", i), fmt.Sprintf("c%d", i), fmt.Sprint(i)
		r := &engine.Report{Member: name, PodUID: pod, Volume: engine.VolumeMember, ClusterID: "c", ClaimUID: claim, Grant: engine.GrantJoin, Released: true, Epoch: 1}
		r.Server = engine.Server{Running: true, Leader: i == 0, Term: 7, Facts: map[string]string{mongodb.FactUsers: mongodb.UsersReady, mongodb.FactHost: name + ".db:27017"}}
		e := plan.Entry{Grant: engine.GrantJoin, PodUID: pod, ClaimUID: claim}
		if i < n {
			r.Server.Serving, r.Server.Formed, r.Server.Set, r.Server.ID = true, true, "set", id
			e.ID, e.Joined = id, true
		}
		if i < n+in {
			r.Server.ID = id
			view.Peers = append(view.Peers, engine.Peer{ID: id, Name: name, Address: name + ".db:27017", Voter: i < n, Healthy: i < n, Leader: i == 0})
		}
		s.Ledger.Members[name] = e
		s.Members = append(s.Members, plan.Member{
			Name: name, Ordinal: int32(i), Pod: &plan.Pod{UID: pod, Template: "t", Started: true, Ready: i < n, AgentSettled: true}, Claim: &plan.Claim{UID: claim}, Report: r,
		})
	}
	s.Members[0].Report.Server.View = view
	return s
}

// caughtUp has a joiner serve without a vote.
func caughtUp(s *plan.State, i int) {
	s.Members[0].Report.Server.View.Peers[i].Healthy = true
	r := &s.Members[i].Report.Server
	r.Serving, r.Formed, r.Set = true, true, "set"
}

// Where a step gives the vote, who gets the data holds neither the next one's join up nor
// the vote of who has it.
func TestWhoGetsTheDataHoldsNobodyUp(t *testing.T) {
	for _, c := range []struct {
		name  string
		state plan.State
		then  func(s *plan.State)
		wants string
	}{
		{"the first joins", members(3, 2, 0), func(*plan.State) {}, "Join db-0"},
		{"the second joins while the first gets the data", members(3, 2, 1), func(*plan.State) {}, "Join db-0"},
		{"and not while the first is silent", members(3, 2, 1), func(s *plan.State) { s.Members[3].Report = nil }, plan.GuardOneAtATime},
		{"both get the data", members(3, 2, 2), func(*plan.State) {}, ""},
		{"the vote of one while the other gets the data", members(3, 2, 2), func(s *plan.State) { caughtUp(s, 4) }, "Promote db-0"},
		{"the vote of one comes before the other's join", members(3, 2, 1), func(s *plan.State) { caughtUp(s, 3) }, "Promote db-0"},
		{"a third waits", members(3, 4, 2), func(*plan.State) {}, plan.GuardOneAtATime},
		{"of four only one joins at a time", members(4, 3, 1), func(*plan.State) {}, plan.GuardOneAtATime},
		{"nobody is made anew meanwhile", members(3, 2, 2), func(s *plan.State) { s.Members[2].Pod.Template = "older" }, plan.GuardOneAtATime},
	} {
		s := c.state
		c.then(&s)
		if got := asked(plan.Next(mongodb.Engine{}, s)); got != c.wants {
			t.Errorf("%s: %q, want %q: %+v", c.name, got, c.wants, plan.Next(mongodb.Engine{}, s).Plan)
		}
	}
}
