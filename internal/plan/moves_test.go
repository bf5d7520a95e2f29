// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// moving is an engine whose members give away what they have before they leave.
type moving struct{ consul.Engine }

func (moving) Traits() engine.Traits {
	t := consul.Engine{}.Traits()
	t.LeaveMovesData = true
	return t
}

// leaves returns the modes of the leaves of db-2 that are asked for.
func leaves(d plan.Decision) (out []engine.LeaveMode) {
	for _, a := range d.Asks {
		if a.Kind() == engine.StepLeave && a.Step.About() == "db-2" {
			out = append(out, a.Step.Leave)
		}
	}
	return out
}

func TestALeaveThatMovesDataIsAskedForInTwoHalves(t *testing.T) {
	s := threeServers()
	s.Wanted.Replicas = 2
	if got := leaves(plan.Next(consul.Engine{}, s)); !slices.Equal(got, []engine.LeaveMode{engine.LeaveForGood}) {
		t.Errorf("of another engine: %q", got)
	}
	d := plan.Next(moving{}, s)
	if got := leaves(d); !slices.Equal(got, []engine.LeaveMode{engine.LeaveMoving}) {
		t.Errorf("while it is a member: %q", got)
	}
	s.Ledger = d.Ledger
	s.Members[0].Report.Server.View.Peers = s.Members[0].Report.Server.View.Peers[:2]
	if got := leaves(plan.Next(moving{}, s)); !slices.Equal(got, []engine.LeaveMode{engine.LeaveGone}) {
		t.Errorf("once it was let go: %q", got)
	}
}

// A leave that was cut short is no reason to remove an identity: where the volume is
// found empty the member is lost, and that is for the user to say.
func TestALeaveThatWasCutShortRemovesNobody(t *testing.T) {
	s := threeServers()
	s.Wanted.Replicas = 2
	e := s.Ledger.Members["db-2"]
	e.Leaving = true
	s.Ledger.Members["db-2"] = e
	s.Members[0].Report.Server.View.Peers[2].Healthy = false
	s.Members[2].Report.Volume, s.Members[2].Report.Released, s.Members[2].Report.Server = engine.VolumeEmpty, false, engine.Server{}
	d := plan.Next(moving{}, s)
	for _, a := range d.Asks {
		if a.Kind() == engine.StepEvictDead {
			t.Errorf("%s is evicted", a.Step.About())
		}
	}
	if d.Stalled == nil || d.Stalled.Reason != v1alpha1.ReasonMemberLost {
		t.Errorf("stalled: %+v", d.Stalled)
	}
}

// A member that gives away what it has is on its way out, though its agent has nothing
// more to do.
func TestWhoGivesAwayItsDataIsLeaving(t *testing.T) {
	s := threeServers()
	s.Wanted.Replicas = 2
	s.Ledger = plan.Next(moving{}, s).Ledger
	s.Wanted.Template = "other"
	s.Members[2].Report.Server.ID = "" // so that it is not asked again, and the others are looked at
	for _, leaving := range []bool{false, true} {
		s.Members[2].Report.Server.Leaving = leaving
		var refused []string
		plan.Planner{Guards: plan.Guards, Refused: func(guard string) { refused = append(refused, guard) }}.Next(moving{}, s)
		if got := slices.Contains(refused, plan.GuardOneAtATime); got != leaving {
			t.Errorf("leaving %v: refused by %v", leaving, refused)
		}
	}
}

// A member that was asked to leave and has not is the one that it was where it is wanted
// again: first its agent hears that, so that nobody else's word counts any more.
func TestALeaveThatCameToNothingIsTakenBack(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *plan.State, m *plan.Member)
		engine engine.Engine
		stays  bool
		tells  bool
	}{
		"it stays":                            {stays: true},
		"its agent has heard another manager": {change: func(_ *plan.State, m *plan.Member) { m.Report.Epoch = 3 }, tells: true},
		"this manager is new":                 {change: func(s *plan.State, _ *plan.Member) { s.Epoch = 0 }, tells: true},
		"of an engine that marks it first":    {engine: consul.Engine{}},
		"it is not wanted":                    {change: func(s *plan.State, _ *plan.Member) { s.Wanted.Replicas = 2 }},
		"it is silent":                        {change: func(_ *plan.State, m *plan.Member) { m.Report = nil }},
		"it leaves":                           {change: func(_ *plan.State, m *plan.Member) { m.Report.Server.Leaving = true }},
		"it is about to": {change: func(_ *plan.State, m *plan.Member) {
			m.Report.Action = &engine.ActionState{Kind: engine.StepLeave}
		}},
		"its volume is marked":        {change: func(_ *plan.State, m *plan.Member) { m.Report.Volume = engine.VolumeLeaving }},
		"its server is another":       {change: func(_ *plan.State, m *plan.Member) { m.Report.Server.ID = "id-9" }},
		"its pod goes":                {change: func(_ *plan.State, m *plan.Member) { m.Pod.Terminating = true }},
		"it has no full part":         {change: func(s *plan.State, _ *plan.Member) { s.Members[0].Report.Server.View.Peers[2].Voter = false }},
		"nobody says who is a member": {change: func(s *plan.State, _ *plan.Member) { s.Members[0].Report.Server.View = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			s := threeServers()
			e := s.Ledger.Members["db-2"]
			e.Leaving = true
			s.Ledger.Members["db-2"] = e
			if c.change != nil {
				c.change(&s, &s.Members[2])
			}
			if c.engine == nil {
				c.engine = moving{}
			}
			d := plan.Next(c.engine, s)
			told := slices.ContainsFunc(d.Asks, func(a plan.Ask) bool { return a.Member == "db-2" && a.Grant != nil })
			if stays := !d.Ledger.Members["db-2"].Leaving; stays != c.stays || told != c.tells {
				t.Errorf("stays: %v, want %v; told so: %v, want %v", stays, c.stays, told, c.tells)
			}
		})
	}
}
