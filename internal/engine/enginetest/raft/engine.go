// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package raft

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// Engine plans for the model, as plainly as the contract allows.
type Engine struct{}

var _ engine.Engine = Engine{}

// factUsable is Yes once the set was bootstrapped.
const factUsable = "usable"

// Report is the Reporter of Engine.
func Report(s Status) engine.Server {
	out := engine.Server{
		Running: s.Running, Serving: s.Serving, ID: s.ID, Leader: s.Leader, Formed: s.Formed, Term: s.Term,
		Facts: map[string]string{}, Keys: s.Keys,
	}
	if s.Bootstrapped {
		out.Facts[factUsable] = "Yes"
	}
	if len(s.Voters) > 0 {
		out.Facts[factVoters] = strings.Join(s.Voters, ",")
	}
	if s.Peers != nil {
		out.View = &engine.View{Peers: s.Peers}
	}
	return out
}

// Traits implements engine.Engine.
func (Engine) Traits() engine.Traits {
	return engine.Traits{
		Formation: engine.FormTogether, StableAddress: true, StartIsJoin: true, VoteFollows: true, Quorum: engine.Majority, MaxReplicas: 9,
		Credentials: append([]engine.Credential{{Key: "key", Format: engine.CredentialBase64, Mounted: true, Rotates: "key"}}, passwords...),
	}
}

// Validate implements engine.Engine: it accepts everything.
func (Engine) Validate(_, _ *v1alpha1.Datastore) field.ErrorList { return nil }

// Template implements engine.Engine: there is no container to run a model in.
func (Engine) Template(*v1alpha1.Datastore) engine.ServerTemplate { return engine.ServerTemplate{} }

// Assess implements engine.Engine: it takes the leader's word, and of a peer's
// health only what the peer's own member says too.
func (Engine) Assess(have engine.Observation) engine.Assessment {
	a, view := leader(have)
	switch {
	case a.Leader == "":
		a.Why = "nobody leads"
		return a
	case view == nil || len(view.Peers) == 0:
		a.Serving, a.Why = view != nil, a.Leader+" leads and does not say who is a member"
		a.Usable = a.Usable && a.Serving
		return a
	}
	a.Known, a.Serving = true, true
	a.Peers = slices.Clone(view.Peers)
	for i := range a.Peers {
		a.Peers[i].Healthy = a.Peers[i].Healthy && says(have, a.Peers[i])
	}
	slices.SortFunc(a.Peers, func(x, y engine.Peer) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID)) })
	voters, healthy := a.Voters()
	a.Tolerance = max(0, healthy-engine.Majority(voters))
	return a
}

// leader returns what the leader of the highest term says, if there is one.
func leader(have engine.Observation) (a engine.Assessment, view *engine.View) {
	for _, m := range have.Members {
		if m.Report == nil {
			continue
		}
		s := m.Report.Server
		a.Formed = a.Formed || s.Formed
		if s.Leader && (a.Leader == "" || s.Term > a.Term) {
			a.Leader, a.Term, view = m.Name, s.Term, s.View
			a.Usable = s.Facts[factUsable] == "Yes"
		}
	}
	return a, view
}

// says tells whether the peer's own member reports that it serves.
func says(have engine.Observation, p engine.Peer) bool {
	return slices.ContainsFunc(have.Members, func(m engine.MemberObservation) bool {
		return m.Name == p.Name && m.Report != nil && m.Report.Server.ID == p.ID && m.Report.Server.Serving
	})
}

// Plan implements engine.Engine.
func (e Engine) Plan(want engine.Desired, have engine.Observation) []engine.Step {
	a := e.Assess(have)
	if !a.Known {
		return nil
	}
	var out []engine.Step
	if !a.Usable {
		out = append(out, engine.Step{Kind: engine.StepBootstrap, Member: a.Leader, Term: a.Term, Why: "the set is not usable yet"})
	}
	for _, p := range a.Peers {
		if slices.Contains(want.Lost[p.Name], p.ID) {
			out = append(out, engine.Step{
				Kind: engine.StepEvictDead, Member: a.Leader, Subject: p.Name, SubjectID: p.ID, Term: a.Term,
				Cost: engine.Cost{Membership: true}, Why: fmt.Sprintf("the volume of %s is gone", p.ID),
			})
		}
	}
	if heirs := heirs(a, want); len(heirs) > 0 {
		out = append(out, engine.Step{
			Kind: engine.StepStepDown, Member: a.Leader, Term: a.Term,
			Params: map[string]string{enginetest.ParamPrefer: strings.Join(heirs, ",")}, Why: "another one shall lead",
		})
	}
	for _, p := range slices.Backward(a.Peers) {
		if !want.Wants(p.Name) && !slices.Contains(want.Lost[p.Name], p.ID) {
			out = append(out, leave(a, p))
		}
	}
	return out
}

// heirs are the healthy voters that may lead, where the leader may not.
func heirs(a engine.Assessment, want engine.Desired) []string {
	var out []string
	for _, p := range a.Peers {
		if p.Voter && p.Healthy && slices.Contains(want.Lead, p.Name) && !want.MayLead(a.Leader) {
			out = append(out, p.Name)
		}
	}
	return out
}

func leave(a engine.Assessment, p engine.Peer) engine.Step {
	if p.Name == a.Leader {
		return engine.Step{Kind: engine.StepStepDown, Member: p.Name, Term: a.Term, Why: "it leads and is not wanted"}
	}
	s := engine.Step{Kind: engine.StepLeave, Member: p.Name, SubjectID: p.ID, Term: a.Term, Cost: engine.Cost{Membership: true}, Why: "it is not wanted"}
	if p.Voter && p.Healthy {
		s.Cost.Voters = 1
	}
	return s
}
