// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import "github.com/quorate/quorate/internal/plan"

// carryOutDiscard deletes a claim of a UID. Where a pod uses it, it goes with
// that pod.
func (w *World) carryOutDiscard(ref plan.ClaimRef) {
	i := Ordinal(ref.Member)
	m := &w.members[i]
	if m.claim == 0 || m.claimDying || claimUID(i, m.claim) != ref.UID {
		return
	}
	w.checkDiscard(i)
	m.claimDying = true
	if m.pod == 0 {
		w.endClaim(i)
	}
}

// checkDiscard asserts that the manager deletes no claim that is a member's:
// by what is true, by the ledger, or by what its agent was told (law 6).
func (w *World) checkDiscard(i int) {
	uid := claimUID(i, w.members[i].claim)
	for _, p := range w.model.Truth().Peers {
		if p.Member == i && p.Data {
			w.violate("law 6: the claim of %s is deleted while %s is in the membership", Name(i), p.ID)
		}
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

// undeleted says which claim is still there that the policy has given up.
func (w *World) undeleted() string {
	for _, d := range w.ledger.get().Discards {
		if w.wanted.DeleteScaled || d.Doomed {
			return d.ClaimUID + " of a member that has left is there"
		}
	}
	return ""
}
