// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"slices"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// loseNode takes the node away that a member's volume is on, with the pod.
func (w *World) loseNode(i int) {
	if w.members[i].pod != 0 {
		w.endPod(i)
	}
	w.members[i].stranded = true
}

// doomClaim deletes the claim of a member, and not its pod: the claim goes with
// that.
func (w *World) doomClaim(i int) {
	w.members[i].claimDying = true
	w.lost++
}

func (w *World) claimsDying() bool {
	return slices.ContainsFunc(w.members[:], func(m member) bool { return m.claimDying })
}

// volumeOutOfReach tells whether a member's volume is still there, and no pod
// will ever start on it.
func (w *World) volumeOutOfReach() bool {
	return slices.ContainsFunc(w.members[:], func(m member) bool { return m.claimDying && !m.booted && m.volume.marked })
}

// strandedFor is what the manager finds out about a volume.
func (m *member) strandedFor() string {
	if m.stranded {
		return "its node is gone"
	}
	return ""
}

// carryOutDiscard deletes a claim of a UID. Where a pod uses it, it goes with
// that pod; one that was never scheduled does not use it yet.
func (w *World) carryOutDiscard(p *pass, ref plan.ClaimRef) {
	i := Ordinal(ref.Member)
	m := &w.members[i]
	if m.claim == 0 || m.claimDying || claimUID(i, m.claim) != ref.UID {
		return
	}
	w.checkDiscard(p, i)
	m.claimDying = true
	if m.pod == 0 || m.stranded && !m.booted {
		w.endClaim(i)
	}
}

// checkDiscard asserts that the manager deletes no claim that is a member's:
// by what is true, by the ledger, or by what its agent was told (law 6); unless
// the member is lost and the user agreed.
func (w *World) checkDiscard(p *pass, i int) {
	// It may come back between the decision and the deletion: what was declared
	// lost is given up.
	agreed := p.wanted.DeleteLost || p.decision.Ledger.Recovery != nil
	if (w.members[i].stranded || p.members[i].stranded) && agreed {
		return
	}
	uid := claimUID(i, w.members[i].claim)
	for _, q := range w.model.Truth().Peers {
		if q.Member == i && q.Data && !(q.Empty && p.decision.Ledger.Abandoned) {
			w.violate("law 6: the claim of %s is deleted while %s is in the membership", Name(i), q.ID)
		}
	}
	if p.decision.Ledger.Abandoned {
		return // whatever was let start on it has got nothing
	}
	if e, known := w.entry(i); known && e.ClaimUID == uid {
		w.violate("law 6: the claim of %s is deleted, and the ledger has it as a member's", Name(i))
	}
	if v := w.members[i].volume; v.marked && !v.leaving {
		w.violate("law 6: the claim of %s is deleted, and its agent was let start on it", Name(i))
	}
	if w.model.Running(i) {
		w.violate("law 6: the claim of the running server %s is deleted", Name(i))
	}
}

// checkGivingUp asserts, as a decision gives up the volume of a lost member,
// that the membership is known, that the others serve without it (law 5), and
// that nobody else is on the way in or out (law 3).
func (w *World) checkGivingUp(p *pass) {
	for _, ref := range p.decision.DeleteClaims {
		i := Ordinal(ref.Member)
		if !w.members[i].stranded || p.base.doomed(ref.UID) || p.decision.Ledger.Recovery != nil {
			continue
		}
		if !p.decision.Assessment.Known {
			w.violate("law 2: the volume of %s is given up while the membership is not known", ref.Member)
		}
		if !p.fresh {
			continue
		}
		t := w.model.Truth()
		voters, healthy := t.voters()
		if need := w.sc.Engine.Traits().Quorum(voters); healthy < need || !t.Serving {
			w.violate("law 5: the volume of %s is given up while %d of %d voters are healthy", ref.Member, healthy, voters)
		}
		w.checkNoneElse(ref.Member, plan.Ask{Step: &engine.Step{Kind: engine.StepDiscardVolume, Member: ref.Member}})
	}
}

// doomed tells whether a ledger says that a claim may be about to be deleted.
func (r *record) doomed(uid string) bool {
	return r != nil && slices.ContainsFunc(r.ledger.Discards, func(d plan.Discard) bool { return d.Doomed && d.ClaimUID == uid })
}

// unagreed tells whether a node is gone and its volume is nobody's to give up.
func (w *World) unagreed() bool {
	for i := range w.members {
		if w.members[i].stranded && (!w.wanted.DeleteLost || w.model.Truth().Formations == 0) {
			return true
		}
	}
	return false
}

// undeleted says which claim is still there that the policy has given up.
func (w *World) undeleted() string {
	for _, d := range w.ledger.get().Discards {
		if w.wanted.DeleteScaled || d.Doomed {
			return d.ClaimUID + " of a member that has left is there"
		}
	}
	return ""
}
