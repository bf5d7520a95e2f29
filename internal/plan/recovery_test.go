// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/plan"
)

// TestRecovery holds how a set is recovered that has lost its majority for good.
func TestRecovery(t *testing.T) {
	agreed := func(n int8) enginetest.Wanted { return enginetest.Wanted{Replicas: n, Recover: true} }
	play(t, []sequence{
		{"nobody agreed", func() []string { return raftSet(3, of(3)).LoseClaim(1, 2).Rest() }, []string{
			"ledger, close",
			"stalled: MajorityLost",
		}},
		{"from one of three", func() []string {
			s := raftSet(3, of(3)).LoseClaim(1, 2)
			s.Rest()
			return s.Change(agreed(3)).Rest()
		}, []string{
			"ledger, Recover db-0",
			"ledger, replace db-0",
			"ledger",
			"ledger, Grant/Join db-1",
			"ledger, Grant/Join db-2",
			"ledger, open",
		}},
		{"from two of five", func() []string { return raftSet(5, agreed(5)).LoseClaim(0, 1, 4).Rest() }, []string{
			"ledger, close, Recover db-2, Recover db-3",
			"ledger, replace db-2, replace db-3",
			"ledger",
			"ledger, Grant/Join db-0",
			"ledger, Grant/Join db-1",
			"ledger, Grant/Join db-4",
			"ledger, open",
		}},
		{"from one of two", func() []string { return raftSet(2, agreed(2)).LoseClaim(1).Rest() }, []string{
			"ledger, Recover db-0",
			"ledger, replace db-0",
			"ledger",
			"ledger, Grant/Join db-1",
			"ledger",
		}},
		{"of members on nodes that are gone", func() []string { return raftSet(3, agreed(3)).LoseNode(1, 2).Rest() }, []string{
			"ledger, close, delete claim of db-1, delete claim of db-2, replace db-1, replace db-2",
			"ledger, Recover db-0",
			"ledger, replace db-0",
			"ledger",
			"ledger, Grant/Join db-1",
			"ledger, Grant/Join db-2",
			"ledger, open",
		}},
		{"one is only silent", func() []string { return raftSet(3, agreed(3)).LoseClaim(1).Silence(2).Rest() }, []string{
			"ledger, close",
			"blocked: quorum-after",
		}},
		{"a majority is left", func() []string { return raftSet(3, agreed(3)).LoseClaim(1).Rest() }, []string{
			"ledger, close",
			"EvictDead db-1 by db-0",
			"ledger, Grant/Join db-1",
			"ledger, open",
		}},
		{"all is lost", func() []string { return raftSet(3, agreed(3)).LoseClaim(0, 1, 2).Rest() }, []string{
			"ledger",
			"stalled: DataLost",
		}},
		{"another survivor is lost on the way", func() []string {
			s := raftSet(5, agreed(5)).LoseClaim(0, 1, 4)
			return append(s.CrashBefore("replace"), s.LoseClaim(2).Rest()...)
		}, []string{
			"ledger, close, Recover db-2, Recover db-3",
			"ledger, replace db-2, replace db-3 (crash before replace)",
			"ledger, close, epoch on set",
			"ledger, Recover db-3",
			"replace db-3",
			"ledger",
			"ledger, Grant/Join db-0",
			"ledger, Grant/Join db-1",
			"ledger, Grant/Join db-2",
			"ledger, Grant/Join db-4",
			"ledger, open",
		}},
		{"the nodes come back before their claims are deleted", func() []string {
			s := raftSet(3, agreed(3)).LoseNode(1, 2)
			return append(s.CrashBefore("delete claim"), s.NodeBack(1).NodeBack(2).Rest()...)
		}, []string{
			"ledger, close, delete claim of db-1, delete claim of db-2, replace db-1, replace db-2 (crash before delete claim)",
			"ledger, close, epoch on set",
			"open",
		}},
		{"the set shall be stopped", func() []string {
			w := agreed(3)
			w.Stopped = true
			s := raftSet(3, w).LoseClaim(1, 2)
			return append(s.Rest(), s.Change(agreed(3)).Rest()...)
		}, []string{
			"ledger, close, set 3 to 2",
			"set 2 to 1",
			"set 1 to 0",
			"set 0 to 3",
			"ledger, Recover db-0",
			"ledger, replace db-0",
			"ledger",
			"ledger, Grant/Join db-1",
			"ledger, Grant/Join db-2",
			"ledger, open",
		}},
	})
}

// leaderless is a formed set of three of which only the first member reports.
func leaderless() plan.State {
	s := threeServers()
	first := &s.Members[0].Report.Server
	first.Leader, first.Serving, first.View = false, false, nil
	first.Facts["log"], first.Facts["voters"] = "3/17", "id-0,id-1,id-2"
	for i := range s.Members {
		s.Members[i].Address = fmt.Sprintf("10.0.0.%d", i)
	}
	for i := range s.Members[1:] {
		s.Members[i+1].Report = nil
	}
	for n := range 9 {
		s.Wanted.Approved = append(s.Wanted.Approved, v1alpha1.Approval{Kind: v1alpha1.ApproveRecover, Subject: "db-0", Token: strconv.Itoa(n)})
	}
	return s
}

// lose takes a member's volume away, and its pod with it.
func lose(s *plan.State, i int) { s.Members[i].Claim, s.Members[i].Pod = nil, nil }

// TestWhoCountsAsLost has the user agree to anything beforehand.
func TestWhoCountsAsLost(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*plan.State)
		begun  bool
		says   string
	}{
		"both are":      {func(s *plan.State) { lose(s, 1); lose(s, 2) }, true, ""},
		"one is silent": {func(s *plan.State) { lose(s, 1) }, false, ""},
		"their claims are gone under living pods": {func(s *plan.State) {
			s.Members[1].Claim, s.Members[2].Claim = nil, nil
		}, false, ""},
		"one is leaving, and runs": {func(s *plan.State) {
			lose(s, 1)
			s.Members[2].Report = &engine.Report{
				Member: "db-2", PodUID: "p2", Volume: engine.VolumeLeaving, ClusterID: "c", Released: true,
				Server: engine.Server{Running: true, Formed: true, ID: "id-2"},
			}
		}, false, ""},
		"one has left": {func(s *plan.State) {
			lose(s, 1)
			s.Members[2].Report = &engine.Report{Member: "db-2", PodUID: "p2", Volume: engine.VolumeLeaving, ClusterID: "c", Server: engine.Server{ID: "id-2"}}
		}, true, ""},
		"a pod that the ledger does not know is silent": {func(s *plan.State) {
			lose(s, 1)
			lose(s, 2)
			s.Members = append(s.Members, plan.Member{Name: "db-3", Ordinal: 3, Pod: &plan.Pod{UID: "p3", Started: true}, Claim: &plan.Claim{UID: "c3"}})
		}, false, ""},
		"nobody knows one of the voters": {func(s *plan.State) {
			lose(s, 1)
			lose(s, 2)
			s.Members[0].Report.Server.Facts["voters"] = "id-0,id-1,id-2,id-9"
		}, false, "id-9 is silent"},
		"a majority is left": {func(s *plan.State) {
			lose(s, 2)
			s.Members[1].Report = s.Members[0].Report
		}, false, ""},
		"the survivor does not tell": {func(s *plan.State) {
			lose(s, 1)
			lose(s, 2)
			delete(s.Members[0].Report.Server.Facts, "log")
		}, false, "does not say where its log ends"},
		"the only survivor is silent": {func(s *plan.State) {
			lose(s, 1)
			lose(s, 2)
			s.Members[0].Report = nil
		}, false, "db-0 is silent"},
		"what is left has nothing yet": {func(s *plan.State) {
			lose(s, 1)
			lose(s, 2)
			s.Members[0].Report.Server.Formed = false
		}, false, "known to have the set's state"},
		"the survivor has no address": {func(s *plan.State) {
			lose(s, 1)
			lose(s, 2)
			s.Members[0].Address = ""
		}, false, ""},
		"the survivor's claim is being deleted": {func(s *plan.State) {
			lose(s, 1)
			lose(s, 2)
			s.Members[0].Claim.Terminating = true
		}, false, "save the data"},
		"a quorum serves": {func(s *plan.State) {
			*s = threeServers()
			lose(s, 1)
		}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := leaderless()
			c.change(&s)
			d := plan.Next(consul.Engine{}, s)
			if begun := d.Ledger.Recovery != nil; begun != c.begun {
				t.Errorf("begun %v: %+v, stalled %+v", begun, d.Ledger.Recovery, d.Stalled)
			}
			if c.says != "" && (d.Stalled == nil || d.Stalled.Reason != v1alpha1.ReasonMajorityLost || !strings.Contains(d.Stalled.Message, c.says)) {
				t.Errorf("stalled %+v, want one that says %q", d.Stalled, c.says)
			}
		})
	}
}

// A ledger that was restored from a backup has forgotten recoveries, for which
// the user's word still stands in the annotation.
func TestAWordIsGoodOnce(t *testing.T) {
	s := leaderless()
	lose(&s, 1)
	lose(&s, 2)
	s.Members[0].Report.Recovery, s.Members[0].Report.Recovered = 2, 2
	s.Wanted.Approved = []v1alpha1.Approval{
		{Kind: v1alpha1.ApproveRecover, Subject: "db-0", Token: "1"}, {Kind: v1alpha1.ApproveRecover, Subject: "db-0", Token: "2"},
	}
	d := plan.Next(consul.Engine{}, s)
	if d.Ledger.Recovery != nil || d.Stalled == nil || !strings.Contains(d.Stalled.Message, "recover:db-0:3") {
		t.Errorf("begun %+v, stalled %+v", d.Ledger.Recovery, d.Stalled)
	}
}

func TestAWordCanBeTakenBackUntilSomebodyIsTold(t *testing.T) {
	for told, begun := range map[bool]bool{false: false, true: true} {
		s := leaderless()
		lose(&s, 1)
		lose(&s, 2)
		s.Wanted.Approved = nil
		s.Ledger.Recoveries, s.Ledger.Recovery = 1, &plan.Recovery{Survivors: []string{"db-0"}, Params: map[string]string{"peers": "[]"}, Told: told}
		if d := plan.Next(consul.Engine{}, s); (d.Ledger.Recovery != nil) != begun {
			t.Errorf("told %v: %+v", told, d.Ledger.Recovery)
		}
	}
}
