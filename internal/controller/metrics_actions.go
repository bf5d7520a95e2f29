// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// actionDiscardVolume is the deletion of a claim, whether a plan had it as a step
// or it follows from a leave that was completed.
const actionDiscardVolume = engine.StepDiscardVolume

// deed is an action that this manager has begun: an agent was asked for it, or the
// API server.
type deed struct {
	kind engine.StepKind
	// member is whom it is about.
	member string
	// of is what else tells it from others of its kind on the same member: the
	// identity, the pod or the claim that it takes away. Empty where nothing does.
	of string
	// agent is the member whose agent was asked, and id by which name; empty
	// where none was.
	agent, id string
	// podUID is that of the agent's pod.
	podUID string
	// why is the reason in a sentence.
	why string
}

// outcome is what has become of an action.
type outcome string

const (
	outcomeBegun outcome = "begun"
	// outcomeDone is given once the effect was seen.
	outcomeDone outcome = "done"
	// outcomeFailed is given once, when its agent could not carry it out. It is
	// asked for again, and may yet be done.
	outcomeFailed outcome = "failed"
	// outcomeDropped is given where it is not asked for any more and its effect
	// was not seen: it was taken back, or what it was about is gone.
	outcomeDropped outcome = "dropped"
)

// news is a change in an action's life.
type news struct {
	deed
	outcome outcome
	// after is the time since it was begun; problem what its agent said.
	after   time.Duration
	problem string
}

// actions are those of one Datastore that are on their way, and how many there
// were. A manager that has just started knows of none: it tells once more of
// what it then asks for again.
type actions struct {
	open  []openAction
	begun map[engine.StepKind]int
}

type openAction struct {
	deed
	since  time.Time
	failed bool
}

// follow returns what has become of actions by the findings of a pass, and
// then those of its own that are new: what is asked for again is the same
// action. What was begun in the pass is not judged by what was seen before.
func (a *actions) follow(f *findings, begun []deed, now time.Time) []news {
	var turns []news
	kept := a.open[:0]
	for _, o := range a.open {
		out, problem := judge(f, o.deed)
		if out != "" && (out != outcomeFailed || !o.failed) {
			turns = append(turns, news{o.deed, out, now.Sub(o.since), problem})
		}
		if out == "" || out == outcomeFailed {
			o.failed = o.failed || out == outcomeFailed
			kept = append(kept, o)
		}
	}
	a.open = kept
	for _, b := range begun {
		i := slices.IndexFunc(a.open, func(o openAction) bool { return o.same(b) })
		if i >= 0 {
			a.open[i].agent, a.open[i].id, a.open[i].podUID = b.agent, b.id, b.podUID // whom to listen to
			continue
		}
		if a.begun == nil {
			a.begun = map[engine.StepKind]int{}
		}
		a.begun[b.kind]++
		a.open = append(a.open, openAction{deed: b, since: now})
		turns = append(turns, news{deed: b, outcome: outcomeBegun})
	}
	return turns
}

func (a deed) same(b deed) bool { return a.kind == b.kind && a.member == b.member && a.of == b.of }

// judge says what has become of an action: nothing where it is on its way, or
// where what was seen does not tell. An effect that was seen comes before what
// the agent said of it.
func judge(f *findings, a deed) (_ outcome, problem string) {
	if f.decision.Ledger == nil {
		return "", ""
	}
	effect := effects[a.kind]
	if effect == nil {
		effect = carriedOut
	}
	if out := effect(f, a); out != "" {
		return out, ""
	}
	if r := reportOn(f, a); r != nil && r.Done && r.Error != "" {
		return outcomeFailed, r.Error
	}
	return "", ""
}

// reportOn is what the agent that was asked says of the action; nil where it
// says nothing of it, or was not asked.
func reportOn(f *findings, a deed) *engine.ActionState {
	m := f.member(a.agent)
	if a.agent == "" || m == nil || m.Report == nil || m.Report.PodUID != a.podUID {
		return nil
	}
	if s := m.Report.Action; s != nil && s.ID == a.id {
		return s
	}
	return nil
}

// asks tells whether an action is still asked for, or next and held back.
func (f *findings) asks(a deed) bool {
	if p := f.decision.Plan; p.Action == a.kind && p.Member == a.member {
		return true
	}
	return slices.ContainsFunc(f.decision.Asks, func(b plan.Ask) bool { return f.actionOf(b).same(a) })
}

// actionOf is the action that an ask asks for.
func (f *findings) actionOf(b plan.Ask) deed {
	out := deed{kind: b.Kind(), member: b.Member, agent: b.Member, id: actionID(b), podUID: b.PodUID}
	if b.Step != nil {
		out.member, out.why = b.Step.About(), b.Step.Why
	}
	if out.kind == engine.StepEvictDead {
		out.of = b.Step.SubjectID
	}
	out.why = cmp.Or(out.why, f.decision.Plan.Why)
	return out
}

// actionOn is an action of the core's own on a pod or a claim.
func (f *findings) actionOn(kind engine.StepKind, member, uid, otherwise string) deed {
	out := deed{kind: kind, member: member, of: uid, why: otherwise}
	if p := f.decision.Plan; p.Action == kind && p.Member == member {
		out.why = p.Why
	}
	return out
}

func (f *findings) member(name string) *plan.Member {
	i := slices.IndexFunc(f.state.Members, func(m plan.Member) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &f.state.Members[i]
}
