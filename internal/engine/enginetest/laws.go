// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"slices"

	"github.com/quorate/quorate/internal/agent/gate"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// violate notes the first law that was broken on the way to this world.
func (w *World) violate(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
	}
}

// checkWorld asserts what must be so at any moment.
func (w *World) checkWorld() {
	t := w.model.Truth()
	if t.Formations > 1 {
		w.violate("law 1: %d sets have formed", t.Formations)
	}
	w.checkKeys()
	if t.Unread != "" {
		w.violate("law 5: %s", t.Unread)
	}
	if t.Usurped {
		w.violate("law 5: an empty server has taken the vote of a member that had lost its data")
	}
}

// checkGrant asserts that a grant which an agent takes is in the ledger (law
// 1), and that nobody is let form once a set has formed.
func (w *World) checkGrant(i int, g engine.Grant) {
	e, known := w.entry(i)
	if !known || e.Grant != g.Kind || e.ClaimUID != g.ClaimUID {
		w.violate("ledger before grant: %s takes a %s grant that the ledger does not have", Name(i), g.Kind)
	}
	if g.ClaimUID != claimUID(i, w.members[i].claim) {
		w.violate("law 9: %s takes a grant for the claim %s on %s", Name(i), g.ClaimUID, claimUID(i, w.members[i].claim))
	}
	if g.Kind == engine.GrantForm && w.model.Truth().Formations > 0 {
		w.violate("law 1: %s is let form although a set has formed", Name(i))
	}
}

// checkStep asserts, as an agent accepts a step, that nobody is evicted whose
// volume exists (law 2).
func (w *World) checkStep(_ int, s engine.Step) {
	if s.Kind != engine.StepEvictDead {
		return
	}
	for _, p := range w.model.Truth().Peers {
		gone := w.members[p.Member].volume.leaving && !w.sc.Engine.Traits().LeaveMovesData
		if p.ID == s.SubjectID && p.Data && !gone {
			w.violate("law 2: %s of %s is evicted although its volume exists", p.ID, Name(p.Member))
		}
	}
}

// checkSet asserts that the StatefulSet does not shrink past a member (laws 2
// and 4), but one by one where the set shall be stopped.
func (w *World) checkSet(p *pass, next kubeSet) {
	if !w.set.some() || p.decision.Ledger.Abandoned {
		return // see checkAbandoned
	}
	if p.wanted.Stopped {
		w.checkStop(p, next)
		return
	}
	t := w.model.Truth()
	for i := range w.members {
		if !w.set.wants(i) || next.wants(i) {
			continue
		}
		if t.peers(i) > 0 {
			w.violate("law 4: the StatefulSet shrinks past the member %s", Name(i))
		}
		if w.model.Running(i) {
			w.violate("law 4: the StatefulSet shrinks past the running server %s", Name(i))
		}
	}
}

// checkStop asserts that one server is stopped at a time.
func (w *World) checkStop(p *pass, next kubeSet) {
	down, fewer := 0, false
	for i := range w.members {
		fewer = fewer || w.set.wants(i) && !next.wants(i)
		if w.model.Running(i) && (!next.wants(i) || w.members[i].dying) {
			down++
		}
	}
	if down > 1 && fewer {
		w.violate("law 3: %d servers are stopped at once", down)
	}
	for i := range w.members {
		if !w.set.wants(i) || next.wants(i) {
			continue
		}
		if p.members[i].claimDying && p.members[i].pod != 0 && !p.members[i].dying && w.model.HasData(i) {
			w.violate("law 6: %s is stopped, and its claim goes with the pod", Name(i))
		}
	}
}

// checkDelete asserts that the manager deletes no pod whose server runs, but
// for one that the ledger says is being replaced.
func (w *World) checkDelete(i int) {
	if e, _ := w.entry(i); w.model.Running(i) && e.Replacing != podUID(i, w.members[i].pod) {
		w.violate("law 5: the pod of the running server %s is deleted", Name(i))
	}
}

// checkDecision asserts what a decision must keep to, whatever was observed,
// and what more it must keep to where all that was observed is true.
func (w *World) checkDecision(p *pass) {
	w.checkOneAsk(p)
	for _, a := range p.decision.Asks {
		w.checkAsk(p, a)
	}
	w.checkReplace(p)
	w.checkGivingUp(p)
	w.checkConsent(p)
	w.checkAbandoned(p)
	w.checkBudget(p)
	w.checkTold(p)
	for _, r := range p.decision.Replace {
		for _, a := range p.decision.Asks {
			if a.Member == r.Name {
				w.violate("%s is asked for something and its pod deleted in one pass", a.Member)
			}
		}
	}
}

// checkBudget asserts that evictions are let pass only where it was measured that the
// set can do without a member, and one at a time (law 12). Two voters have none to
// spare, and the user's word takes the place of that.
func (w *World) checkBudget(p *pass) {
	b, a := p.decision.Budget, p.decision.Assessment
	if b == nil || b.Max == 0 {
		return
	}
	voters, _ := a.Voters()
	switch {
	case b.Max > 1:
		w.violate("law 12: %d members may be evicted at once", b.Max)
	case !a.Known:
		w.violate("law 12: a member may be evicted while the membership is not known")
	case !a.Serving || a.Tolerance == 0 && voters > 2:
		w.violate("law 12: a member may be evicted while none can be spared")
	}
}

// checkReplace asserts that the servers whose pods are replaced while they run
// are at most one, and that the others can do without it.
func (w *World) checkReplace(p *pass) {
	if l := p.decision.Ledger; l != nil && l.Recovery != nil {
		w.checkRestart(p)
		return
	}
	running := 0
	for _, r := range p.decision.Replace {
		i := Ordinal(r.Name)
		if !w.model.Running(i) || podUID(i, w.members[i].pod) != r.UID {
			continue
		}
		running++
		if !p.decision.Assessment.Known {
			w.violate("law 2: the pod of %s is replaced while the membership is not known", r.Name)
		}
		if p.fresh {
			w.checkReplacement(p, i)
		}
	}
	for _, a := range p.decision.Asks {
		if running > 0 && w.disruptive(a) {
			running++
		}
	}
	if running > 1 {
		w.violate("law 3: %d disruptive actions at once, one of them the replacement of a pod", running)
	}
}

func (w *World) checkReplacement(p *pass, i int) {
	t := w.model.Truth()
	w.checkNoneElse(Name(i), plan.Ask{Step: &engine.Step{Kind: engine.StepReplacePod, Member: Name(i)}})
	voters, healthy := t.voters()
	if !w.healthyVoter(t, i) {
		return
	}
	small := voters <= 2 && p.wanted.AllowDowntime && !p.members[i].claimDying
	if need := w.sc.Engine.Traits().Quorum(voters); healthy-1 < need && !small {
		w.violate("law 5: the replacement of %s leaves %d healthy voters of %d", Name(i), healthy-1, voters)
	}
	for _, q := range t.Peers {
		switch {
		case q.Member == i:
		case !q.Healthy || !q.Voter && !w.spare(t):
			w.violate("law 5: %s is replaced while %s is not a healthy voter", Name(i), q.ID)
		case w.members[q.Member].silent:
			w.violate("law 2: %s is replaced while %s is silent", Name(i), Name(q.Member))
		}
	}
}

func (w *World) healthyVoter(t Truth, i int) bool {
	for _, q := range t.Peers {
		if q.Member == i && q.Voter && q.Healthy {
			return true
		}
	}
	return false
}

// spare tells whether as many members have a vote as shall, so that one without is
// as it should be.
func (w *World) spare(t Truth) bool {
	votes := w.sc.Engine.Traits().Votes
	voters, _ := t.voters()
	return votes != nil && (voters >= votes(len(t.Peers)) || voters >= votes(int(w.wanted.Replicas)))
}

// healthyMember tells whether a member is healthy, with a vote or without.
func (w *World) healthyMember(t Truth, i int) bool {
	return slices.ContainsFunc(t.Peers, func(q TruePeer) bool { return q.Member == i && q.Healthy })
}

// takesVoter tells whether a step is about a healthy voter that has not begun
// to leave.
func (w *World) takesVoter(t Truth, s engine.Step) bool {
	for _, q := range t.Peers {
		if q.ID == s.SubjectID {
			return q.Voter && q.Healthy && !w.members[q.Member].volume.leaving
		}
	}
	return false
}

func (w *World) disruptive(a plan.Ask) bool {
	if a.Grant != nil {
		return a.Grant.Kind == engine.GrantJoin && w.sc.Engine.Traits().StartIsJoin
	}
	return a.Step.Cost.Disruptive() || a.Step.Kind == engine.StepRotateKey
}

func (w *World) checkOneAsk(p *pass) {
	n := 0
	for _, a := range p.decision.Asks {
		if w.disruptive(a) {
			n++
		}
	}
	if n > 1 {
		w.violate("law 3: %d disruptive actions are asked for at once", n)
	}
}

func (w *World) checkAsk(p *pass, a plan.Ask) {
	w.checkHandover(p, a)
	w.checkKeyChange(p, a)
	if !w.disruptive(a) || w.bears(a) {
		return
	}
	if !p.decision.Assessment.Known && !p.repeats(a) {
		w.violate("law 2: %s is asked for a %s while the membership is not known", a.Member, a.Kind())
	}
	if a.Step != nil && a.Step.Kind == engine.StepLeave {
		w.checkUnwanted(p, a.Step.About())
	}
	if !p.fresh {
		return
	}
	if !w.model.Truth().Serving && !p.repeats(a) {
		w.violate("law 5: %s is asked for a %s while no quorum serves", a.Member, a.Kind())
	}
	about := a.Member
	if a.Step != nil {
		about = a.Step.About()
	}
	w.checkNoneElse(about, a)
	w.checkTurn(p, a)
	if a.Step != nil {
		w.checkQuorumAfter(*a.Step)
		w.checkOthersFirst(*a.Step)
	}
}

// checkHandover asserts that the leadership is not moved while a voter's pod is
// on its way out: that one may get it, and takes it along.
func (w *World) checkHandover(p *pass, a plan.Ask) {
	if a.Kind() != engine.StepStepDown || !p.fresh {
		return
	}
	for _, q := range w.model.Truth().Peers {
		if q.Voter && w.members[q.Member].dying && Name(q.Member) != a.Member {
			w.violate("law 3: StepDown of %s while the pod of %s is being deleted", a.Member, Name(q.Member))
		}
	}
}

// checkOthersFirst asserts that a healthy voter is taken away only while every
// other member is heard, healthy and has its vote (laws 2 and 5).
func (w *World) checkOthersFirst(s engine.Step) {
	t := w.model.Truth()
	if !removing(s.Kind) || !w.takesVoter(t, s) {
		return
	}
	for _, q := range t.Peers {
		switch {
		case q.ID == s.SubjectID:
		case !q.Healthy || !q.Voter && !w.spare(t):
			w.violate("law 5: %s of %s while %s is not a healthy voter", s.Kind, s.About(), q.ID)
		case w.members[q.Member].silent:
			w.violate("law 2: %s of %s while %s is silent", s.Kind, s.About(), Name(q.Member))
		}
	}
}

// repeats tells whether an ask is a grant that the ledger had already. It was
// admitted when it was written; what may have been lost since is the message.
func (p *pass) repeats(a plan.Ask) bool {
	if a.Grant == nil || p.base == nil {
		return false
	}
	e, known := p.base.ledger.Members[a.Member]
	return known && !e.Leaving && e.ClaimUID == a.Grant.ClaimUID
}

// bears tells whether an ask is a grant that the member's volume bears, so that its agent
// does nothing: it hears the epoch.
func (w *World) bears(a plan.Ask) bool {
	i := Ordinal(a.Member)
	if a.Grant == nil {
		return false
	}
	verdict, _ := gate.Judge(w.volumeOf(i), w.marker(i), *a.Grant)
	return verdict == gate.Have
}

// checkUnwanted asserts that only such members leave as are not wanted, or
// whose leave was begun.
func (w *World) checkUnwanted(p *pass, name string) {
	before := p.base.get()
	if before != nil && before.Members[name].Leaving || w.members[Ordinal(name)].volume.leaving {
		return
	}
	if Ordinal(name) < int(p.wanted.Replicas) {
		w.violate("law 2: %s is asked to leave and is wanted", name)
	}
}

// checkNoneElse asserts that no other member is on its way in or out (law 3).
func (w *World) checkNoneElse(about string, a plan.Ask) {
	t := w.model.Truth()
	for i := range w.members[:w.sc.Members] {
		if Name(i) == about || !w.members[i].booted {
			continue
		}
		leaving := w.members[i].leaving || w.model.Observe(i).Leaving
		if leaving && w.model.Running(i) && t.peers(i) > 0 {
			w.violate("law 3: %s of %s while %s is leaving", a.Kind(), about, Name(i))
		}
		evicts := a.Kind() == engine.StepEvictDead || a.Kind() == engine.StepDiscardVolume
		if w.joining(t, i) && (t.peers(i) > 0 || !evicts) && !w.joinsBeside(t, Ordinal(about), i, a) {
			w.violate("law 3: %s of %s while %s is joining", a.Kind(), about, Name(i))
		}
	}
}

// joinsBeside tells whether a member may be let join, or be taken back before it
// has its vote, while another one is in without one. Should all who join fail as
// soon as they have their votes, then no more is lost than by one that does.
func (w *World) joinsBeside(t Truth, about, other int, a plan.Ask) bool {
	if w.waitsForRack(t, about, other, a) {
		return true
	}
	traits := w.sc.Engine.Traits()
	if !traits.VoteFollows || t.peers(other) == 0 {
		return false
	}
	if a.Grant == nil {
		return (a.Kind() == engine.StepLeave || a.Kind() == engine.StepReplacePod) && w.joining(t, about)
	}
	voters, _ := t.voters()
	joiners := 1
	for i := range w.members[:w.sc.Members] {
		if i != about && w.joining(t, i) {
			joiners++
		}
	}
	return traits.Quorum(voters+joiners) == traits.Quorum(voters+1)
}

// joining tells whether a member was let join, and has not its vote yet.
func (w *World) joining(t Truth, i int) bool {
	v := w.members[i].volume
	return w.sc.Engine.Traits().StartIsJoin && v.marked && !v.form && !v.leaving && !w.votes(t, i)
}

func (w *World) votes(t Truth, i int) bool {
	for _, p := range t.Peers {
		if p.Member == i && p.Voter && p.Data {
			return true
		}
	}
	return false
}

// checkQuorumAfter asserts law 5 on what is true.
func (w *World) checkQuorumAfter(s engine.Step) {
	t := w.model.Truth()
	voters, healthy := t.voters()
	for _, q := range t.Peers {
		if q.ID == s.SubjectID && q.Voter && removing(s.Kind) {
			voters--
			if q.Healthy {
				healthy--
			}
		}
	}
	if need := w.sc.Engine.Traits().Quorum(voters); healthy < need {
		w.violate("law 5: %s of %s leaves %d healthy voters of %d", s.Kind, s.About(), healthy, voters)
	}
}

func removing(k engine.StepKind) bool {
	return k == engine.StepLeave || k == engine.StepEvictDead || k == engine.StepDemote
}
