// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// The ledger and all credentials are gone, and replicas were lowered before
// anybody noticed: the only founder has nothing, and the others, which nobody
// wants any more, hold the set (law 1).
func TestNothingFormsBesideAClaimThatPredatesTheLedger(t *testing.T) {
	s := threeServers()
	s.Wanted.Replicas, s.Retained, s.Set = 1, false, nil
	s.Ledger = &plan.Ledger{ClusterID: "new"}
	for i := range s.Members {
		s.Members[i].Pod, s.Members[i].Report, s.Members[i].Claim.Predates = nil, nil, i > 0
	}
	empty := func(i int, volume engine.VolumeState) {
		m, uid := &s.Members[i], fmt.Sprintf("q%d", i)
		m.Pod = &plan.Pod{UID: uid, Template: "t"}
		m.Report = &engine.Report{Member: m.Name, PodUID: uid, Volume: volume}
	}
	next := func(what string, size int32, stalled bool) plan.Decision {
		t.Helper()
		d := plan.Next(consul.Engine{}, s)
		if d.Shape.Replicas != size || (d.Stalled != nil) != stalled {
			t.Errorf("%s: size %d, stalled %+v; want %d and %v", what, d.Shape.Replicas, d.Stalled, size, stalled)
		}
		return d
	}
	empty(0, engine.VolumeEmpty)
	if d := next("the others have not been looked at", 3, false); len(d.Asks) != 0 || d.Plan.BlockedBy != plan.GuardFounders || d.Plan.Member != "db-1" {
		t.Errorf("asked for %+v, plan %+v", d.Asks, d.Plan)
	}
	empty(1, engine.VolumeEmpty)
	empty(2, engine.VolumeForeign)
	if d := next("one holds another set's data", 3, true); len(d.Asks) != 0 || d.Stalled == nil || d.Stalled.Reason != v1alpha1.ReasonForeignVolume {
		t.Errorf("asked for %+v, stalled %+v", d.Asks, d.Stalled)
	}
	empty(2, engine.VolumeEmpty)
	if d := next("nobody holds anything", 1, false); len(d.Asks) != 1 || d.Asks[0].Grant == nil || d.Asks[0].Grant.Size != 1 {
		t.Errorf("asked for %+v", d.Asks)
	}
}

// An epoch that agents have seen is passed at once, however old the ledger is
// that was put back; one that nobody can have raised so far is not believed.
func TestTheEpochPassesWhatAgentsHaveSeen(t *testing.T) {
	for seen, want := range map[int64]int64{4: 5, 9: 10, 1<<62 - 1: 5} {
		s := threeServers()
		s.Epoch, s.Wanted.Replicas = 0, 2
		s.Members[1].Report.Epoch = seen
		if d := plan.Next(consul.Engine{}, s); d.Budget == nil || d.Budget.Epoch != want || d.Ledger.Epoch != want {
			t.Errorf("agents have seen %d: epoch %d, budget %+v, want %d", seen, d.Ledger.Epoch, d.Budget, want)
		}
	}
}

// The access control of a set is bootstrapped once, whoever says otherwise.
func TestASetIsBootstrappedOnce(t *testing.T) {
	s := threeServers()
	if s.Ledger = plan.Next(consul.Engine{}, s).Ledger; !s.Ledger.Bootstrapped {
		t.Fatal("it is not written down")
	}
	liar := s.Members[2].Report
	liar.Server.Leader, liar.Server.Term, liar.Server.Facts = true, 9, map[string]string{"acl": "Pending"}
	if d := plan.Next(consul.Engine{}, s); len(d.Asks) != 0 {
		t.Errorf("asked for %+v", d.Asks)
	}
}

// Agents are changed one at a time, while all the others are healthy voters.
func TestAgentsAreChangedOneAtATime(t *testing.T) {
	s := threeServers()
	s.Wanted.Agent = "new"
	for i := range s.Members {
		s.Members[i].Pod.Agent, s.Members[i].Pod.AgentSettled = "old", true
	}
	expect := func(what string, names ...string) {
		t.Helper()
		d := plan.Next(consul.Engine{}, s)
		if diff := cmp.Diff(names, upgraded(d)); diff != "" || len(d.Asks)+len(d.Replace) > 0 || d.Shape.WriteTemplate {
			t.Errorf("%s: (-want +got)\n%s", what, diff)
		}
	}
	s.Budget.Closed = false
	expect("evictions are not closed yet")
	s.Budget.Closed = true
	expect("all are old", "db-0")
	s.Members[0].Pod.Agent, s.Members[0].Pod.AgentSettled = "new", false
	expect("the first does not run yet")
	s.Members[0].Pod.AgentSettled = true
	expect("the first runs", "db-1")
	heard := s.Members[2].Report
	s.Members[2].Report = nil
	expect("another one is silent")
	s.Members[2].Report = heard
	s.Members[1].Pod.Agent = "new"
	expect("two are new", "db-2")
	s.Members[2].Pod.Agent = "new"
	expect("all are new")
}
