// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package document

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// Engine plans for the model.
type Engine struct{}

var _ engine.Engine = Engine{}

// Traits implements engine.Engine.
func (Engine) Traits() engine.Traits {
	return engine.Traits{Formation: engine.FormFirst, Quorum: engine.Majority, MaxReplicas: 7}
}

// Validate implements engine.Engine: it accepts everything.
func (Engine) Validate(_, _ *v1alpha1.Datastore) field.ErrorList { return nil }

// Template implements engine.Engine: there is no container to run a model in.
func (Engine) Template(*v1alpha1.Datastore) engine.ServerTemplate { return engine.ServerTemplate{} }

// Assess implements engine.Engine: the primary's word, and of a member's
// health only what the member says too.
func (Engine) Assess(have engine.Observation) engine.Assessment {
	a, view := primary(have)
	if view == nil || len(view.Peers) == 0 {
		a.Why = "no primary says who is a member"
		return a
	}
	a.Known, a.Serving, a.Usable = true, true, true
	a.Peers = slices.Clone(view.Peers)
	for i := range a.Peers {
		r := reportOf(have, a.Peers[i].Name)
		a.Peers[i].Healthy = a.Peers[i].Healthy && r != nil && r.Server.ID == a.Peers[i].ID && r.Server.Serving
	}
	slices.SortFunc(a.Peers, func(x, y engine.Peer) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID)) })
	voters, healthy := a.Voters()
	a.Tolerance = max(0, healthy-engine.Majority(voters))
	return a
}

// primary returns what the primary of the highest term says, if there is one.
func primary(have engine.Observation) (a engine.Assessment, view *engine.View) {
	for _, m := range have.Members {
		if m.Report == nil {
			continue
		}
		s := m.Report.Server
		a.Formed = a.Formed || s.Formed
		if s.Leader && (view == nil || s.Term > a.Term) {
			a.Leader, a.Term, view = m.Name, s.Term, s.View
		}
	}
	return a, view
}

func reportOf(have engine.Observation, name string) *engine.Report {
	for _, m := range have.Members {
		if m.Name == name {
			return m.Report
		}
	}
	return nil
}

// Plan implements engine.Engine: initiate; then evict, promote, add, and
// last remove, one change of the document at a time.
func (e Engine) Plan(want engine.Desired, have engine.Observation) []engine.Step {
	a := e.Assess(have)
	if !a.Known {
		return initiate(a, have)
	}
	out := evictions(a, want, have)
	for _, p := range a.Peers {
		if want.Wants(p.Name) && !p.Voter && p.Healthy {
			out = append(out, change(a, engine.StepPromote, p, "it has caught up"))
		}
	}
	out = append(out, joins(a, want, have)...)
	if heirs := heirs(a, want); len(heirs) > 0 {
		out = append(out, engine.Step{
			Kind: engine.StepStepDown, Member: a.Leader, Term: a.Term,
			Params: map[string]string{enginetest.ParamPrefer: strings.Join(heirs, ",")}, Why: "another one shall be primary",
		})
	}
	for _, p := range slices.Backward(a.Peers) {
		if !want.Wants(p.Name) && !slices.Contains(want.Lost[p.Name], p.ID) {
			out = append(out, removal(a, p))
		}
	}
	return out
}

func evictions(a engine.Assessment, want engine.Desired, have engine.Observation) []engine.Step {
	var out []engine.Step
	for _, p := range a.Peers {
		if slices.Contains(want.Lost[p.Name], p.ID) && !alive(have, p) {
			out = append(out, change(a, engine.StepEvictDead, p, "its volume is gone"))
		}
	}
	return out
}

// initiate has the first member form the set. It is asked only of a server
// that was let form, and knows of no set.
func initiate(a engine.Assessment, have engine.Observation) []engine.Step {
	for _, m := range have.Members {
		if r := m.Report; !a.Formed && r != nil && r.Grant == engine.GrantForm && r.Server.Running && !r.Server.Formed {
			return []engine.Step{{Kind: engine.StepBootstrap, Member: m.Name, Why: "nothing was initiated yet"}}
		}
	}
	return nil
}

func alive(have engine.Observation, p engine.Peer) bool {
	r := reportOf(have, p.Name)
	return r != nil && r.Server.Running && r.Server.ID == p.ID
}

// change is a step about a member that the primary carries out.
func change(a engine.Assessment, kind engine.StepKind, p engine.Peer, why string) engine.Step {
	return engine.Step{
		Kind: kind, Member: a.Leader, Subject: p.Name, SubjectID: p.ID, Term: a.Term, Cost: engine.Cost{Membership: true}, Why: why,
	}
}

func joins(a engine.Assessment, want engine.Desired, have engine.Observation) []engine.Step {
	var out []engine.Step
	for _, name := range want.Members {
		r := reportOf(have, name)
		if r == nil || r.Volume != engine.VolumeMember || !r.Server.Running || r.Server.ID != "" || len(a.PeersNamed(name)) > 0 {
			continue
		}
		out = append(out, change(a, engine.StepJoin, engine.Peer{Name: name}, "it runs and is no member"))
	}
	return out
}

// heirs are the healthy voters that may be primary, where the primary may not.
func heirs(a engine.Assessment, want engine.Desired) []string {
	var out []string
	for _, p := range a.Peers {
		if p.Voter && p.Healthy && slices.Contains(want.Lead, p.Name) && !want.MayLead(a.Leader) {
			out = append(out, p.Name)
		}
	}
	return out
}

// removal is the next step on the way out: hand over, lose the vote, leave.
func removal(a engine.Assessment, p engine.Peer) engine.Step {
	switch {
	case p.Name == a.Leader:
		return engine.Step{Kind: engine.StepStepDown, Member: p.Name, Term: a.Term, Why: "it is the primary and not wanted"}
	case p.Voter:
		s := change(a, engine.StepDemote, p, "it is not wanted")
		if p.Healthy {
			s.Cost.Voters = 1
		}
		return s
	default:
		return change(a, engine.StepLeave, p, "it is not wanted")
	}
}
