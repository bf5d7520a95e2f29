// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package raft

import (
	"github.com/quorate/quorate/internal/engine"
)

// Reckless is an engine that breaks its side of the contract: it takes an
// empty membership for known and the leader's word for everybody's health,
// has whoever seems dead evicted, and members leave that are wanted. The core
// must keep the laws all the same.
type Reckless struct{ Engine }

var _ engine.Engine = Reckless{}

// Assess implements engine.Engine.
func (r Reckless) Assess(have engine.Observation) engine.Assessment {
	a := r.Engine.Assess(have)
	for _, m := range have.Members {
		if m.Report != nil && m.Name == a.Leader && m.Report.Server.View != nil {
			a.Known, a.Serving, a.Peers = true, true, m.Report.Server.View.Peers
		}
	}
	return a
}

// Plan implements engine.Engine.
func (r Reckless) Plan(want engine.Desired, have engine.Observation) []engine.Step {
	a := r.Assess(have)
	if a.Leader == "" {
		return nil
	}
	out := r.Engine.Plan(want, have)
	for _, p := range a.Peers {
		if !p.Healthy || have.Members[ordinal(have, p.Name)].Report == nil {
			out = append(out, engine.Step{
				Kind: engine.StepEvictDead, Member: a.Leader, Subject: p.Name, SubjectID: p.ID, Term: a.Term,
				Cost: engine.Cost{Membership: true}, Why: "it seems dead",
			})
		}
	}
	for _, p := range a.Peers {
		if p.Name != a.Leader {
			out = append(out, leave(a, p))
		}
	}
	out = append(out, engine.Step{Kind: engine.StepConfigure, Member: "nobody", Why: "it is asked of who is not there"})
	return out
}

func ordinal(have engine.Observation, name string) int {
	for i, m := range have.Members {
		if m.Name == name {
			return i
		}
	}
	return 0
}
