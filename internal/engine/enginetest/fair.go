// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"slices"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// mostTurns bounds how long a world without faults may take to come to rest.
const mostTurns = 600

// heal ends all faults that last.
func (w *World) heal() {
	w.stale = nil
	for i := range w.members {
		w.members[i].silent, w.members[i].garbled, w.members[i].slow = false, garbleNone, false
	}
}

// turn makes the next thing happen that is due; false where nothing is.
func (w *World) turn() bool {
	var room [32]Action
	if own := w.progress(room[:0]); len(own) > 0 {
		w.apply(own[0], nil)
		return true
	}
	switch {
	case w.manager.held != nil:
		w.apply(Action{Kind: actResume}, nil)
		return true
	case w.old != nil:
		w.apply(Action{Kind: actResumeOld}, nil)
		return true
	}
	p := w.look()
	w.checkDecision(p)
	if len(p.effects) == 0 {
		return false
	}
	before := w.key(nil)
	w.run(p, len(p.effects), true)
	return string(before) != string(w.key(nil))
}

// settle lets the world come to rest without faults. It notes a breach of the
// laws where it does not.
func (w *World) settle() {
	w.heal()
	for range mostTurns {
		if !w.turn() {
			w.checkWorld()
			return
		}
		w.checkWorld()
	}
	w.violate("liveness: the world does not come to rest")
}

// checkRest asserts that a world at rest is as wanted, or says why it cannot be.
func (w *World) checkRest() {
	p := w.look()
	d := p.decision
	if n := len(p.effects); n > 0 {
		w.violate("law 8: %d effects are repeated at rest, first %v: %s", n, p.effects[0], summary(d))
		return
	}
	if over(d) {
		return
	}
	missing := w.unlikeWanted()
	excuse := w.excuse(d)
	switch {
	case missing == "":
		if d.Stalled != nil {
			w.violate("liveness: the world is as wanted and stalled: %s", d.Stalled.Reason)
		}
	case excuse == "":
		w.violate("liveness: at rest %s, without cause: %s", missing, summary(d))
	case d.Stalled == nil && d.Pending == nil && d.Plan == (plan.Summary{}) && d.Assessment.Why == "":
		w.violate("liveness: at rest %s (%s), and nothing says why", missing, excuse)
	}
	majority := d.Stalled != nil && d.Stalled.Reason == v1alpha1.ReasonMajorityLost
	if w.dataGone() && !saysLost(d) && !majority {
		w.violate("law 1: all data of the formed set is gone and that is not said: %s", summary(d))
	}
}

// saysLost tells whether a decision says that the data is, or may be, gone.
func saysLost(d plan.Decision) bool {
	return d.Stalled != nil && (d.Stalled.Reason == v1alpha1.ReasonDataLost || d.Stalled.Reason == v1alpha1.ReasonFormationUncertain)
}

func summary(d plan.Decision) string {
	s := fmt.Sprintf("%s of %s (%s)", d.Plan.Action, d.Plan.Member, d.Plan.Why)
	if d.Plan.BlockedBy != "" {
		s += fmt.Sprintf(", blocked by %s: %s", d.Plan.BlockedBy, d.Plan.Message)
	}
	if d.Stalled != nil {
		s += fmt.Sprintf(", stalled: %s: %s", d.Stalled.Reason, d.Stalled.Message)
	}
	return s + fmt.Sprintf("; known %v, serving %v, %s", d.Assessment.Known, d.Assessment.Serving, d.Assessment.Why)
}

// unlikeWanted says in what the world differs from the specification.
func (w *World) unlikeWanted() string {
	t := w.model.Truth()
	if w.wanted.Stopped {
		return w.unlikeStopped(t)
	}
	switch voters, healthy := t.voters(); {
	case t.Formations == 0 || !t.Serving:
		return "no set serves"
	case !t.Usable:
		return "the set is not usable"
	case healthy < voters:
		return fmt.Sprintf("%d of %d voters are healthy", healthy, voters)
	case w.set != w.set.sized(int32(w.wanted.Replicas)):
		return fmt.Sprintf("the StatefulSet has %d replicas", w.set.replicas)
	}
	if votes := w.sc.Engine.Traits().Votes; votes != nil {
		if voters, _ := t.voters(); voters != votes(int(w.wanted.Replicas)) {
			return fmt.Sprintf("%d have a vote", voters)
		}
	}
	if !w.budget.exists || w.budget.max == 0 && w.wanted.Replicas > 2 {
		return "nobody may be evicted"
	}
	for i := range w.sc.Members {
		want := 0
		if i < int(w.wanted.Replicas) {
			want = 1
		}
		if n := t.peers(i); n != want {
			return fmt.Sprintf("%s has %d identities in the membership", Name(i), n)
		}
		if want == 1 && !w.votes(t, i) && !(w.spare(t) && w.healthyMember(t, i)) {
			return Name(i) + " has no vote"
		}
		if want == 1 && w.members[i].template != w.wanted.Template {
			return Name(i) + " has not the wanted template"
		}
		if w.members[i].claimDying {
			return Name(i) + " runs on a claim that is being deleted"
		}
	}
	return orElse(w.undeleted(), w.unrotated())
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// unlikeStopped says what still runs, or is no longer there to be started.
func (w *World) unlikeStopped(t Truth) string {
	for i := range w.sc.Members {
		if w.members[i].pod != 0 {
			return Name(i) + " has a pod and shall be stopped"
		}
	}
	for _, p := range t.Peers {
		if p.Data && w.members[p.Member].claim == 0 {
			return Name(p.Member) + " has lost its claim"
		}
	}
	return ""
}

// excuse says what keeps even a perfect manager from what is wanted.
func (w *World) excuse(d plan.Decision) string {
	t := w.model.Truth()
	switch {
	case w.unagreed():
		return "a node is gone, and nobody said that its volume may go"
	case t.Formations > 0 && w.beyondRepair(t) && !(w.wanted.Recover && w.recoverable(t) && !saysLost(d)):
		return "too few voters have their data"
	case w.wanted.Template > TemplateOther || slices.ContainsFunc(w.set.others[:], func(s rackSet) bool { return s.template > TemplateOther }) || w.set.template > TemplateOther:
		return "the template is bad"
	case w.wanted.Replicas <= 2 && !w.wanted.AllowDowntime && d.Stalled != nil && d.Stalled.Reason == v1alpha1.ReasonDowntimeRefused:
		return "one of two members cannot be restarted without downtime"
	case !t.Serving && w.ledger != nil && w.ledger.ledger.Formed && w.volumeOutOfReach():
		return "no pod starts on a claim that is being deleted, and nobody serves without it"
	case w.claimsDying() && d.Stalled != nil && d.Stalled.Reason == v1alpha1.ReasonClaimTerminating:
		return "nobody can do without a claim that is being deleted"
	case w.lost > 0 && t.Formations == 0 && saysLost(d):
		return "a volume was lost during the formation"
	}
	for i := range w.members {
		if w.members[i].volume.foreign {
			return "a volume is another set's"
		}
	}
	return ""
}

// recoverable tells whether what is left is enough to recover the set from. A set
// that was never usable is not: its servers tell nobody what they have.
func (w *World) recoverable(t Truth) bool {
	if _, ok := w.sc.Engine.(engine.Recoverer); !ok || !t.Usable || w.ledger == nil || !w.ledger.ledger.Formed {
		return false
	}
	usable := false
	for _, p := range t.Peers {
		m := &w.members[p.Member]
		switch {
		case !p.Data || m.stranded || m.volume.leaving:
		case m.claimDying && m.booted:
			return false // its pod cannot be replaced, nor be left as it is
		default:
			blank := w.model.Running(p.Member) && !p.Healthy
			usable = usable || p.Voter && !m.claimDying && !blank
		}
	}
	return usable
}

// beyondRepair tells whether fewer voters than a quorum can ever run again.
func (w *World) beyondRepair(t Truth) bool {
	voters, able := 0, 0
	for _, p := range t.Peers {
		if !p.Voter {
			continue
		}
		voters++
		m := &w.members[p.Member]
		if usable := !m.stranded && !m.volume.leaving && (m.booted || !m.claimDying); p.Healthy || p.Data && usable {
			able++
		}
	}
	return able < w.sc.Engine.Traits().Quorum(voters)
}

// dataGone tells whether a set has formed and none of its volumes is left, nor
// one of a member that has left and whose server was not stopped yet, nor one
// that nobody can look at.
func (w *World) dataGone() bool {
	t := w.model.Truth()
	for _, p := range t.Peers {
		if p.Data && !p.Empty {
			return false
		}
	}
	for i := range w.sc.Members {
		if m := &w.members[i]; m.stranded || m.claimDying && !m.booted {
			return false
		}
		if e, _ := w.entry(i); e.Leaving && w.model.HasData(i) && !w.members[i].volume.leaving {
			return false
		}
	}
	return t.Formations > 0
}
