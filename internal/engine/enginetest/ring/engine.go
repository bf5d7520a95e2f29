// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// Engine plans for the model.
type Engine struct{}

var _ engine.Engine = Engine{}

// Traits implements engine.Engine.
func (Engine) Traits() engine.Traits {
	return engine.Traits{Formation: engine.FormFirst, StableAddress: true, StartIsJoin: true, LeaveMovesData: true, Quorum: Quorum, MaxReplicas: 100}
}

// Validate implements engine.Engine: it accepts everything.
func (Engine) Validate(_, _ *v1alpha1.Datastore) field.ErrorList { return nil }

// Template implements engine.Engine: there is no container to run a model in.
func (Engine) Template(*v1alpha1.Datastore) engine.ServerTemplate { return engine.ServerTemplate{} }

// Assess implements engine.Engine. The ring is known where a majority of its
// members say the same of it, and nobody says otherwise.
func (Engine) Assess(have engine.Observation) engine.Assessment {
	a, ring, agree := views(have)
	voters, _ := engine.Assessment{Peers: ring}.Voters()
	if ring == nil || agree < engine.Majority(voters) {
		a.Why = "too few members say the same of the ring"
		return a
	}
	a.Known, a.Peers = true, slices.Clone(ring)
	for i := range a.Peers {
		a.Peers[i].Healthy = a.Peers[i].Healthy && serves(have, a.Peers[i])
	}
	slices.SortFunc(a.Peers, func(x, y engine.Peer) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID)) })
	voters, healthy := a.Voters()
	a.Serving = healthy >= Quorum(voters)
	a.Usable, a.Tolerance = a.Serving, max(0, healthy-Quorum(voters))
	if !a.Serving {
		a.Why = "too many members are down for the replication factor"
	}
	return a
}

// views returns the ring as the members see it and how many agree; none where
// any says otherwise.
func views(have engine.Observation) (a engine.Assessment, ring []engine.Peer, agree int) {
	differ := false
	for _, m := range have.Members {
		if m.Report == nil {
			continue
		}
		s := m.Report.Server
		a.Formed = a.Formed || s.Formed
		if s.View == nil || len(s.View.Peers) == 0 {
			continue
		}
		if ring == nil {
			ring = s.View.Peers
		}
		differ = differ || !slices.EqualFunc(ring, s.View.Peers, sameNode)
		agree++
	}
	if differ {
		return a, nil, 0
	}
	return a, ring, agree
}

// sameNode disregards health, which every member sees for itself.
func sameNode(x, y engine.Peer) bool { return x.ID == y.ID && x.Name == y.Name && x.Voter == y.Voter }

func serves(have engine.Observation, p engine.Peer) bool {
	return slices.ContainsFunc(have.Members, func(m engine.MemberObservation) bool {
		return m.Name == p.Name && m.Report != nil && m.Report.Server.ID == p.ID && m.Report.Server.Serving
	})
}

// Plan implements engine.Engine: evict what is lost, then have the last one
// leave that is not wanted.
func (e Engine) Plan(want engine.Desired, have engine.Observation) []engine.Step {
	a := e.Assess(have)
	if !a.Known {
		return nil
	}
	var out []engine.Step
	for _, p := range a.Peers {
		if !slices.Contains(want.Lost[p.Name], p.ID) || p.Healthy {
			continue
		}
		if by := another(a, p); by != "" {
			out = append(out, engine.Step{
				Kind: engine.StepEvictDead, Member: by, Subject: p.Name, SubjectID: p.ID,
				Cost: engine.Cost{Membership: true}, Why: "its volume is gone",
			})
		}
	}
	for _, p := range slices.Backward(a.Peers) {
		if want.Wants(p.Name) || slices.Contains(want.Lost[p.Name], p.ID) {
			continue
		}
		out = append(out, engine.Step{
			Kind: engine.StepLeave, Member: p.Name, SubjectID: p.ID, Cost: engine.Cost{Voters: 1, Membership: true}, Why: "it is not wanted",
		})
	}
	return out
}

// another returns a healthy member other than a peer's.
func another(a engine.Assessment, not engine.Peer) string {
	for _, p := range a.Peers {
		if p.Healthy && p.Voter && p.Name != not.Name {
			return p.Name
		}
	}
	return ""
}
