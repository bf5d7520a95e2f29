// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// twoVotes lets two members vote, and plans what it is told to.
type twoVotes struct {
	consul.Engine
	steps []engine.Step
}

func (e twoVotes) Traits() engine.Traits {
	t := e.Engine.Traits()
	t.Votes = func(n int) int { return min(n, 2) }
	return t
}

func (e twoVotes) Plan(engine.Desired, engine.Observation) []engine.Step { return e.steps }

// A wanted member without a vote is as it should be where as many have one as
// shall, and not before it is healthy.
func TestASpareIsNoJoiner(t *testing.T) {
	for name, c := range map[string]struct {
		change func(view *engine.View, s *plan.State)
		joined bool
	}{
		"as many vote as shall": {func(*engine.View, *plan.State) {}, true},
		"it is not healthy":     {func(v *engine.View, _ *plan.State) { v.Peers[2].Healthy = false }, false},
		"fewer vote than shall": {func(v *engine.View, _ *plan.State) { v.Peers[1].Voter = false }, false},
		"one of these goes": {func(v *engine.View, s *plan.State) {
			s.Wanted.Replicas = 2
			v.Peers[2].Voter, v.Peers[1].Voter = true, false
		}, true},
	} {
		s := threeServers()
		e := s.Ledger.Members["db-2"]
		e.Joined = false
		s.Ledger.Members["db-2"] = e
		view := s.Members[0].Report.Server.View
		view.Peers[2].Voter = false
		c.change(view, &s)
		d := plan.Next(twoVotes{}, s)
		if got := d.Ledger.Members["db-2"].Joined; got != c.joined {
			t.Errorf("%s: joined %v", name, got)
		}
		if view.Peers[2].Spare {
			t.Errorf("%s: what the engine read was changed", name)
		}
	}
}

// A wanted member may lose its vote only where more have one than shall, and the
// engine says how many that is.
func TestAWantedMemberLosesAVoteTooMany(t *testing.T) {
	demote := []engine.Step{{
		Kind: engine.StepDemote, Member: "db-0", Subject: "db-2", SubjectID: "id-2", Term: 3, Cost: engine.Cost{Membership: true, Voters: 1},
	}}
	asks := func(e engine.Engine, votes int) int {
		s := threeServers()
		view := s.Members[0].Report.Server.View
		for i := range view.Peers {
			view.Peers[i].Voter = i >= len(view.Peers)-votes
		}
		return len(plan.Next(e, s).Asks)
	}
	if asks(twoVotes{steps: demote}, 3) != 1 {
		t.Error("three of three vote where two shall, and nobody may lose a vote")
	}
	if asks(twoVotes{steps: demote}, 2) != 0 {
		t.Error("a vote is taken that the set shall have")
	}
}
