// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// An agent that cannot start is given the present image whatever else is wrong,
// and no agent for being silent.
func TestAnAgentThatCannotStartGetsThePresentImage(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*plan.State)
		want   []string
	}{
		"it is silent":                      {func(s *plan.State) { s.Members[1].Pod.AgentDown = "" }, nil},
		"it cannot start":                   {func(*plan.State) {}, []string{"db-1"}},
		"it has the present one":            {func(s *plan.State) { s.Members[1].Pod.Agent, s.Members[1].Pod.AgentDown = "new", "new" }, nil},
		"the one before it has the old one": {func(s *plan.State) { s.Members[1].Pod.Agent = "new" }, []string{"db-1"}},
		"its pod is on its way":             {func(s *plan.State) { s.Members[1].Pod.Terminating = true }, nil},
		"nobody says which image":           {func(s *plan.State) { s.Wanted.Agent = "" }, nil},
		"nobody knows the membership": {func(s *plan.State) {
			s.Members[0].Report, s.Members[2].Report = nil, nil
		}, []string{"db-1"}},
		"no agent can start": {func(s *plan.State) {
			for i := range s.Members {
				s.Members[i].Report, s.Members[i].Pod.AgentDown = nil, "old"
			}
		}, []string{"db-0", "db-1", "db-2"}},
		"the set has not formed": {func(s *plan.State) {
			s.Ledger = &plan.Ledger{ClusterID: s.Ledger.ClusterID}
			for i := range s.Members {
				s.Members[i].Report = nil
			}
		}, []string{"db-1"}},
		"its pod is replaced": {func(s *plan.State) {
			s.Members[1].Pod.Started, s.Members[1].Pod.Template = false, "former"
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := threeServers()
			s.Wanted.Agent = "new"
			for i := range s.Members {
				s.Members[i].Pod.Agent, s.Members[i].Pod.AgentSettled = "old", true
			}
			s.Members[1].Report, s.Members[1].Pod.AgentDown = nil, "old"
			c.change(&s)
			d := plan.Next(consul.Engine{}, s)
			if diff := cmp.Diff(c.want, upgraded(d)); diff != "" {
				t.Errorf("(-want +got)\n%s%+v", diff, d.Plan)
			}
		})
	}
}

// Agents that may be too old to say whose data is the newest are changed where
// that is what keeps a set from being recovered.
func TestAgentsThatDoNotTellAreChangedWithoutAQuorum(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*plan.State)
		want   []string
	}{
		"nobody tells":       {func(*plan.State) {}, []string{"db-0"}},
		"nobody says which":  {func(s *plan.State) { s.Wanted.Agent = "" }, nil},
		"it has the new one": {func(s *plan.State) { s.Members[0].Pod.Agent = "new" }, nil},
		"it tells":           {func(s *plan.State) { s.Members[0].Report.Server.Facts["log"] = "3/17" }, nil},
		"another one is silent": {func(s *plan.State) {
			s.Members[1].Pod, s.Members[1].Claim = threeServers().Members[1].Pod, threeServers().Members[1].Claim
		}, nil},
		"a majority is left": {func(s *plan.State) { *s = threeServers(); lose(s, 1) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := leaderless()
			lose(&s, 1)
			lose(&s, 2)
			s.Members[0].Pod.Agent, s.Members[0].Pod.AgentSettled = "old", true
			delete(s.Members[0].Report.Server.Facts, "log")
			s.Wanted.Agent = "new"
			c.change(&s)
			d := plan.Next(consul.Engine{}, s)
			if diff := cmp.Diff(c.want, upgraded(d)); diff != "" {
				t.Errorf("(-want +got)\n%s%+v", diff, d.Plan)
			}
		})
	}
}

// Of two that are left of five the second is changed once the first reports.
func TestAgentsThatDoNotTellAreChangedOneAtATime(t *testing.T) {
	s := leaderless()
	s.Wanted.Replicas, s.Ledger.FormationSize = 5, 5
	first := *s.Members[0].Report
	for i := 3; i < 5; i++ {
		name := s.MemberName(int32(i))
		report := first
		report.Member, report.PodUID, report.Server.ID = name, "p"+name, "id"+name
		s.Members = append(s.Members, plan.Member{
			Name: name, Ordinal: int32(i), Address: "10.0.0.9", Pod: &plan.Pod{UID: "p" + name, Template: "t", Started: true}, Claim: &plan.Claim{UID: "c" + name}, Report: &report,
		})
		s.Ledger.Members[name] = plan.Entry{ClaimUID: "c" + name, ID: "id" + name, Joined: true}
	}
	for i := range 3 {
		lose(&s, i)
	}
	s.Wanted.Agent = "new"
	delete(first.Server.Facts, "log")
	for i := 3; i < 5; i++ {
		s.Members[i].Pod.Agent, s.Members[i].Pod.AgentSettled = "old", true
	}

	d := plan.Next(consul.Engine{}, s)
	if len(d.UpgradeAgents) != 1 || d.UpgradeAgents[0].Name != "db-3" {
		t.Fatalf("changes %v, %+v", d.UpgradeAgents, d.Stalled)
	}
	s.Members[3].Pod.Agent, s.Members[3].Pod.AgentSettled = "new", false
	if d := plan.Next(consul.Engine{}, s); len(d.UpgradeAgents) != 0 {
		t.Errorf("changes %v while another is on its way", d.UpgradeAgents)
	}
	s.Members[3].Pod.AgentSettled = true
	if d := plan.Next(consul.Engine{}, s); len(d.UpgradeAgents) != 1 || d.UpgradeAgents[0].Name != "db-4" {
		t.Errorf("changes %v once the first reports", d.UpgradeAgents)
	}
}

// upgraded are the members whose agents a decision changes; nil for none.
func upgraded(d plan.Decision) (names []string) {
	for _, ref := range d.UpgradeAgents {
		names = append(names, ref.Name)
	}
	return names
}
