// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"strings"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/plan"
)

// pass is one pass of a manager: what it read, what it decided, and how far it
// has come with it.
type pass struct {
	decision plan.Decision
	base     *record
	set      kubeSet
	budget   kubeBudget
	secret   secret
	members  [MaxMembers]member
	wanted   Wanted
	effects  []effect
	next     int
	fresh    bool
	key      string
}

// effect is one of the writes and requests of a pass.
type effect struct {
	kind  effectKind
	index int
}

type effectKind uint8

const (
	writeLedger effectKind = iota
	writeBudget
	writeSet
	writeKey
	deletePod
	deleteClaim
	askAgent
	dissolveSet
)

// observe is what the manager reads in a pass, and whether all of it is true.
func (w *World) observe(anew bool) (plan.State, bool) {
	v, fresh := w.view(anew)
	return w.sc.state(v, w.ledger), fresh
}

// state is a view in the planner's words. The ledger is the one of which the view has
// the text; nothing else of the world is used, so that what is decided on a view is
// decided on all that look the same.
func (sc *Scenario) state(v view, l *record) plan.State {
	s := plan.State{
		Name: Datastore,
		Wanted: plan.Wanted{
			Replicas: int32(v.wanted.Replicas), Template: v.wanted.Template.String(), AllowDowntime: v.wanted.AllowDowntime, Stopped: v.wanted.Stopped, Lead: v.wanted.lead(),
			DeleteScaled: v.wanted.DeleteScaled, DeleteLost: v.wanted.DeleteLost, Approved: append(sc.approvals(v.wanted, l), v.wanted.givenUp()...),
		},
		Ledger: l.get(), Epoch: int64(v.epoch), NewClusterID: clusterID,
	}
	sc.observeKeys(v, &s)
	s.Set = v.set.fold()
	if b := v.budget; b.exists {
		s.Budget = &plan.Budget{Max: int32(b.max), Closed: b.max == 0 && b.seen && b.approved == 0, Epoch: int64(b.epoch)}
	}
	for i := range v.span(sc.Members, l) {
		m := v.members[i]
		s.Retained = s.Retained || m.claim != 0
		s.Members = append(s.Members, m.planned(i))
	}
	return s
}

// planned is what is seen of a member in the planner's words.
func (s sight) planned(i int) plan.Member {
	out := plan.Member{Name: Name(i), Ordinal: int32(i), Address: Name(i) + ".example", Report: s.report}
	m := member{pod: s.pod, claim: s.claim, template: s.template, stranded: s.stranded, released: s.released}
	if s.claim != 0 {
		out.Claim = &plan.Claim{UID: claimUID(i, s.claim), Terminating: s.claimDying, Stranded: m.strandedFor()}
	}
	if s.pod != 0 {
		out.Pod = &plan.Pod{
			UID: podUID(i, s.pod), Template: s.template.String(), Started: s.started,
			Ready: s.serving, Terminating: s.dying, Stuck: m.stuck(), Failed: m.stuck(),
		}
	}
	return out
}

// span is up to the highest ordinal that has anything.
func (v *view) span(members int, l *record) int {
	n := max(int(v.wanted.Replicas), v.set.span())
	for i := n; i < members; i++ {
		_, known := l.entry(i)
		if known || v.members[i].pod != 0 || v.members[i].claim != 0 {
			n = i + 1
		}
	}
	return n
}

func (w *World) entry(i int) (plan.Entry, bool) { return w.ledger.entry(i) }

func (r *record) entry(i int) (plan.Entry, bool) {
	if r == nil {
		return plan.Entry{}, false
	}
	e, ok := r.ledger.Members[Name(i)]
	return e, ok
}

// look starts a pass: it observes and decides, and where the decision would
// change anything about members it observes anew and decides again.
func (w *World) look() *pass {
	p := w.decide(false)
	if w.stale != nil && !w.sc.Executor.Unconfirmed && p.changesMembers() {
		p = w.decide(true)
	}
	p.effects = w.effectsOf(p)
	return p
}

func (w *World) decide(anew bool) *pass {
	v, fresh := w.view(anew)
	p := &pass{base: w.ledger, set: w.set, budget: w.budget, secret: w.secret, members: w.members, wanted: w.wanted, fresh: fresh}
	p.decision = w.sc.memory.decisionOn(v, func() plan.Decision { return w.ask(w.sc.state(v, w.ledger)) })
	return p
}

// ask has the planner decide. That it panics is a breach like any other, so
// that the way there is told.
func (w *World) ask(s plan.State) (d plan.Decision) {
	defer func() {
		if v := recover(); v != nil {
			w.violate("the planner panicked: %v", v)
			d = plan.Decision{Ledger: s.Ledger}
		}
	}()
	return w.sc.decide(s)
}

func (p *pass) changesMembers() bool {
	d := p.decision
	if d.Ledger == nil {
		return false
	}
	sized := !p.set.some() || p.set != p.set.sized(d.Shape.Replicas) || !p.set.fold().Settled
	return d.Dissolve != "" || len(d.Asks) > 0 || d.WriteKey != "" || len(d.Replace) > 0 || len(d.DeleteClaims) > 0 || sized || d.Shape.WriteTemplate || d.Shape.Restore || !d.Ledger.Equal(p.base.get())
}

// effectsOf lists what a decision changes, in the order in which it is done.
func (w *World) effectsOf(p *pass) []effect {
	d := p.decision
	if d.Ledger == nil || over(d) {
		return nil // the ledger was lost: nothing is touched
	}
	var out []effect
	ledger := !d.Ledger.Equal(p.base.get())
	if ledger && !w.sc.Executor.LedgerLate {
		out = append(out, effect{kind: writeLedger})
	}
	if d.Dissolve == plan.DissolveStatefulSet {
		for i := range p.set.width() {
			if p.set.part(i).exists {
				out = append(out, effect{dissolveSet, i})
			}
		}
		return out
	}
	if next := nextBudget(p); next != p.budget {
		out = append(out, effect{kind: writeBudget})
	}
	if next := w.nextSet(p); p.set.some() || d.Stalled == nil || d.Ledger.Formed {
		for i := range p.set.width() {
			if p.set.written(i, next) != p.set {
				out = append(out, effect{writeSet, i})
			}
		}
	}
	if d.WriteKey != "" {
		out = append(out, effect{kind: writeKey})
	}
	for i := range d.DeleteClaims {
		out = append(out, effect{deleteClaim, i})
	}
	for i := range d.Replace {
		out = append(out, effect{deletePod, i})
	}
	for i := range d.Asks {
		out = append(out, effect{askAgent, i})
	}
	if ledger && w.sc.Executor.LedgerLate {
		out = append(out, effect{kind: writeLedger})
	}
	return out
}

// nextBudget is the budget that a decision asks for. Only what was written anew
// has still to be seen.
func nextBudget(p *pass) kubeBudget {
	next := p.budget
	if b := p.decision.Budget; b != nil {
		next.exists, next.max, next.epoch = true, int8(b.Max), int8(b.Epoch)
	}
	if next != p.budget {
		next.seen = false
	}
	return next
}

// nextSet is the StatefulSet that a decision asks for. Where there are several, all
// have the template of the first.
func (w *World) nextSet(p *pass) kubeSet {
	next := p.set.sized(p.decision.Shape.Replicas)
	next.exists, next.template = true, p.set.lead().template
	if !w.sc.Executor.UnmarkedSet {
		next.epoch = int8(p.decision.Ledger.Epoch)
	}
	if p.decision.Shape.WriteTemplate {
		if p.decision.Shape.Proven {
			next.proven = p.set.lead().template + 1
		}
		next.template = p.wanted.Template
	}
	if p.decision.Shape.Restore && p.set.proven > 0 {
		next.template = p.set.proven - 1
	}
	for i := 1; i < next.width(); i++ {
		other := &next.others[i-1]
		other.exists, other.template, other.epoch = true, next.template, next.epoch
	}
	return next
}

// run carries out the effects of a pass up to the given one. It returns false
// when the pass has ended, by its last effect or by a lost race.
func (w *World) run(p *pass, until int, current bool) bool {
	for p.next < until {
		e := p.effects[p.next]
		p.next++
		if !w.carryOut(p, e, current) {
			return false
		}
	}
	return p.next < len(p.effects)
}

func (w *World) carryOut(p *pass, e effect, current bool) bool {
	switch e.kind {
	case writeLedger:
		if w.ledger.text() != p.base.text() {
			return false
		}
		w.ledger = newRecord(p.decision.Ledger)
		if current && (len(p.decision.Asks) > 0 || p.decision.Ledger.Epoch != p.base.epoch()) {
			w.manager.epoch = int8(p.decision.Ledger.Epoch)
		}
	case writeBudget:
		if (w.budget.exists != p.budget.exists || w.budget.max != p.budget.max || w.budget.epoch != p.budget.epoch) && !w.sc.Executor.UncheckedBudget {
			return false
		}
		approved := w.budget.approved
		w.budget = nextBudget(p)
		w.budget.approved = approved
	case writeSet:
		if p.set.written(e.index, w.set) != p.set && !w.sc.Executor.UncheckedSet {
			return false
		}
		next := w.set.written(e.index, w.nextSet(p))
		w.checkSet(p, next)
		w.set = next
	case writeKey:
		return w.writeSecret(p)
	case deletePod:
		w.carryOutDelete(p, p.decision.Replace[e.index])
	case deleteClaim:
		w.carryOutDiscard(p, p.decision.DeleteClaims[e.index])
	case dissolveSet:
		w.carryOutDissolve(p, e.index)
	case askAgent:
		w.carryOutAsk(p, p.decision.Asks[e.index])
	}
	return true
}

func (w *World) carryOutDelete(p *pass, ref plan.PodRef) {
	i := Ordinal(ref.Name)
	m := &w.members[i]
	if podUID(i, m.pod) != ref.UID || m.pod == 0 {
		return
	}
	before := &p.members[i]
	if !w.sc.Executor.UncheckedPods && (m.started != before.started || m.stuck() != before.stuck()) {
		return
	}
	w.checkDelete(i)
	w.deletePod(i)
}

func (w *World) carryOutAsk(p *pass, a plan.Ask) {
	i := Ordinal(a.Member)
	if w.members[i].pod == 0 || podUID(i, w.members[i].pod) != a.PodUID {
		return
	}
	l := p.decision.Ledger
	w.act(i, protocol.ActionRequest{
		ID: string(a.Kind()), Epoch: l.Epoch, PodUID: a.PodUID, ClusterID: l.ClusterID, Grant: a.Grant, Step: a.Step,
	})
}

// seal computes what distinguishes a pass that lingers.
func (p *pass) seal() *pass {
	var b strings.Builder
	d := p.decision
	fmt.Fprintf(&b, "%s>%s>%v>%v>%v", p.base.text(), newRecord(d.Ledger).text(), p.set, d.Shape, d.Replace)
	fmt.Fprintf(&b, ">%v", d.DeleteClaims)
	fmt.Fprintf(&b, ">%v%s", p.secret, d.WriteKey)
	for _, a := range d.Asks {
		if a.Grant != nil {
			fmt.Fprintf(&b, ">%+v", *a.Grant)
			continue
		}
		step := *a.Step
		if step.Key != nil {
			fmt.Fprintf(&b, ">%+v", *step.Key)
		}
		step.Key = nil
		fmt.Fprintf(&b, ">%+v", step)
	}
	p.key = b.String()
	return p
}

// copy returns a pass that can be gone on with independently.
func (p *pass) copy() *pass {
	out := *p
	return &out
}
