// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// servers is a formed set of Consul servers at rest, of which the first leads.
func servers(n int32) plan.State {
	s := threeServers()
	s.Members, s.Ledger.Members, s.Wanted.Replicas, s.Set.Replicas = s.Members[:1], map[string]plan.Entry{"db-0": s.Ledger.Members["db-0"]}, n, n
	v := s.Members[0].Report.Server.View
	v.Peers, v.Tolerance = v.Peers[:1], int(n-1)/2
	for range n - 1 {
		vote(&s, arrive(&s))
	}
	settings(&s, n)
	return s
}

// settings has autopilot know the size.
func settings(s *plan.State, n int32) {
	s.Wanted.Replicas = n
	s.Members[0].Report.Server.Facts["minQuorum"] = fmt.Sprint(n/2 + 1)
}

// wait adds a member that waits at its gate, and returns its ordinal.
func wait(s *plan.State) int {
	i := len(s.Members)
	name, pod, claim := fmt.Sprintf("db-%d", i), fmt.Sprintf("p%d", i), fmt.Sprintf("c%d", i)
	s.Members = append(s.Members, plan.Member{
		Name: name, Ordinal: int32(i), Pod: &plan.Pod{UID: pod, Template: "t"}, Claim: &plan.Claim{UID: claim},
		Report: &engine.Report{Member: name, PodUID: pod, Volume: engine.VolumeEmpty, Epoch: 4},
	})
	return i
}

// start adds a member that was let join and runs, and that nobody knows yet.
func start(s *plan.State) int {
	i := wait(s)
	m := &s.Members[i]
	s.Ledger.Members[m.Name] = plan.Entry{Grant: engine.GrantJoin, PodUID: m.Pod.UID, ClaimUID: m.Claim.UID}
	m.Pod.Started = true
	m.Report.Volume, m.Report.ClusterID, m.Report.ClaimUID, m.Report.Released = engine.VolumeMember, "c", m.Claim.UID, true
	m.Report.Server = engine.Server{Running: true, ID: fmt.Sprintf("id-%d", i), Facts: map[string]string{"acl": "Ready"}}
	return i
}

// arrive adds a member that is in without a vote.
func arrive(s *plan.State) int {
	i := start(s)
	v := s.Members[0].Report.Server.View
	v.Peers = append(v.Peers, engine.Peer{ID: fmt.Sprintf("id-%d", i), Name: s.Members[i].Name})
	s.Members[i].Report.Server.Formed, s.Members[i].Report.Server.Term = true, 3
	return i
}

// vote gives a member its vote.
func vote(s *plan.State, i int) {
	p := &s.Members[0].Report.Server.View.Peers[i]
	p.Voter, p.Healthy = true, true
	s.Members[i].Report.Server.Serving, s.Members[i].Pod.Ready = true, true
	e := s.Ledger.Members[p.Name]
	e.ID, e.Joined = p.ID, true
	s.Ledger.Members[p.Name] = e
}

// leave has a member's agent begin its leave, and takes it out of the membership if
// told so. Its server runs on.
func leave(s *plan.State, i int, out bool) {
	m := &s.Members[i]
	e := s.Ledger.Members[m.Name]
	e.Leaving = true
	s.Ledger.Members[m.Name] = e
	m.Report.Volume, m.Report.Action = engine.VolumeLeaving, &engine.ActionState{Kind: engine.StepLeave}
	m.Report.Server.Serving = false
	if v := s.Members[0].Report.Server.View; out {
		v.Peers = v.Peers[:i]
	} else {
		v.Peers[i].Healthy = false
	}
}

// asked is what a decision asks for, and of whom; or by what guard the first of it
// is blocked.
func asked(d plan.Decision) string {
	out := ""
	for _, a := range d.Asks {
		out += fmt.Sprintf("%s %s ", a.Kind(), a.Member)
	}
	if out == "" {
		return d.Plan.BlockedBy
	}
	return out[:len(out)-1]
}

// A member is let join while another has no vote yet, where that one is in and both
// together need no larger a quorum than one.
func TestWhoJoinsBesideWhom(t *testing.T) {
	for _, c := range []struct {
		name  string
		size  int32
		then  func(s *plan.State)
		wants string
	}{
		{"the first", 3, func(s *plan.State) { wait(s); wait(s) }, "Grant db-3"},
		{"one that is not in yet holds the next up", 3, func(s *plan.State) { start(s); wait(s) }, plan.GuardOneAtATime},
		{"one that is in does not", 3, func(s *plan.State) { arrive(s); wait(s) }, "Grant db-4"},
		{"one that is in and silent does", 3, func(s *plan.State) { s.Members[arrive(s)].Report = nil; wait(s) }, plan.GuardOneAtATime},
		{"one that is in and does not run does", 3, func(s *plan.State) { s.Members[arrive(s)].Report.Server.Running = false; wait(s) }, plan.GuardOneAtATime},
		{"two of three are in: six need more than four", 3, func(s *plan.State) { arrive(s); arrive(s); wait(s) }, plan.GuardOneAtATime},
		{"four voters: six need more than five", 4, func(s *plan.State) { arrive(s); wait(s) }, plan.GuardOneAtATime},
		{"five voters", 5, func(s *plan.State) { arrive(s); wait(s) }, "Grant db-6"},
		{"one voter", 1, func(s *plan.State) { arrive(s); wait(s) }, "Grant db-2"},
		{"a stranger without a vote is counted", 3, func(s *plan.State) {
			arrive(s)
			v := s.Members[0].Report.Server.View
			v.Peers = append(v.Peers, engine.Peer{ID: "id-x"})
			wait(s)
		}, plan.GuardOneAtATime},
		{"a dead voter's vote counts: no more than before", 3, func(s *plan.State) {
			v := s.Members[0].Report.Server.View
			v.Peers[2].Healthy, s.Members[2].Report.Server.Serving = false, false
			arrive(s)
			wait(s)
		}, "Grant db-4"},
	} {
		s := servers(c.size)
		c.then(&s)
		settings(&s, int32(len(s.Members)))
		if got := asked(plan.Next(consul.Engine{}, s)); got != c.wants {
			t.Errorf("%s: %s, want %s", c.name, got, c.wants)
		}
	}
}

// Of two that are in without a vote neither holds the other up on its way back out;
// one that is not in, or has its vote, does.
func TestJoinersDoNotWaitForEachOtherForEver(t *testing.T) {
	for _, c := range []struct {
		name  string
		then  func(s *plan.State)
		wants string
	}{
		{"both are stuck, and are not wanted any more", func(s *plan.State) { arrive(s); arrive(s) }, "Leave db-4"},
		{"the other has not come as far", func(s *plan.State) { arrive(s); start(s) }, "Leave db-4"}, // it is taken back
		{"who goes has a vote", func(s *plan.State) { arrive(s); vote(s, arrive(s)) }, "Leave db-3"},
	} {
		s := servers(3)
		c.then(&s)
		settings(&s, 3)
		if got := asked(plan.Next(consul.Engine{}, s)); got != c.wants {
			t.Errorf("%s: %s, want %s", c.name, got, c.wants)
		}
	}
}

// A leave holds the next up until a quorum says that the member is out, and not
// until its server has stopped.
func TestWhoLeavesAfterWhom(t *testing.T) {
	for _, c := range []struct {
		name  string
		then  func(s *plan.State)
		wants string
	}{
		{"the first", func(*plan.State) {}, "Leave db-4"},
		{"it is in", func(s *plan.State) { leave(s, 4, false) }, "Leave db-4"},
		{"it is out, and its server stops", func(s *plan.State) { leave(s, 4, true) }, "Leave db-3"},
		{"it is out, and is silent", func(s *plan.State) { leave(s, 4, true); s.Members[4].Report = nil }, plan.GuardAgentPresent},
		{"it is out, and its agent gave up", func(s *plan.State) { leave(s, 4, true); s.Members[4].Report.Action.Error = "cut off" }, "Leave db-4"},
		{"its server runs, and its agent did not begin to leave", func(s *plan.State) {
			leave(s, 4, true)
			s.Members[4].Report.Volume = engine.VolumeMember
		}, "Leave db-4"},
		{"its identity is not known", func(s *plan.State) {
			leave(s, 4, true)
			e := s.Ledger.Members["db-4"]
			e.ID = ""
			s.Ledger.Members["db-4"] = e
		}, "Leave db-4"},
		{"an identity of it is in under another name", func(s *plan.State) {
			leave(s, 4, true)
			v := s.Members[0].Report.Server.View
			v.Peers = append(v.Peers, engine.Peer{ID: "id-4", Voter: true})
		}, "Leave db-4"},
	} {
		s := servers(5)
		c.then(&s)
		settings(&s, 3)
		d := plan.Next(consul.Engine{}, s)
		if got := asked(d); got != c.wants {
			t.Errorf("%s: %s, want %s: %+v", c.name, got, c.wants, d.Plan)
		}
		if d.Shape.Replicas != 5 {
			t.Errorf("%s: the StatefulSet shrinks to %d while servers run", c.name, d.Shape.Replicas)
		}
	}
}
