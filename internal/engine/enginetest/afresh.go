// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/plan"
)

// A world ends where a set is given up for another: the ledger of the other one is
// not written, since the models know of one set only. What must be so is asserted on
// the way there.

// givenUp is what the user agreed to of a set that lost all of its data.
func (w Wanted) givenUp() []v1alpha1.Approval {
	if !w.StartEmpty {
		return nil
	}
	return []v1alpha1.Approval{{Kind: v1alpha1.ApproveStartEmpty, Subject: Datastore, Token: clusterID}}
}

// carryOutDissolve deletes a StatefulSet as it was seen.
func (w *World) carryOutDissolve(p *pass, part int) {
	if p.set.written(part, w.set) != p.set {
		return
	}
	for i := range w.members {
		if w.members[i].pod != 0 {
			w.violate("law 4: the StatefulSet goes while %s has a pod", Name(i))
		}
	}
	w.set = w.set.written(part, kubeSet{})
}

// checkAbandoned asserts that no set is given up unasked, nor one of whose data
// anything is left, and that nobody is asked for anything meanwhile.
func (w *World) checkAbandoned(p *pass) {
	d := p.decision
	if d.Ledger == nil || !d.Ledger.Abandoned && d.Dissolve == "" {
		return
	}
	if before := p.base.get(); (before == nil || !before.Abandoned) && !p.wanted.StartEmpty {
		w.violate("law 1: a set is given up that the user did not agree to")
	}
	if len(d.Asks)+len(d.Replace) > 0 {
		w.violate("law 3: something else is asked for while a set is given up")
	}
	if !p.fresh {
		return
	}
	for _, q := range w.model.Truth().Peers {
		if q.Data && !q.Empty {
			w.violate("law 1: the set is given up while %s of %s has its data", q.ID, Name(q.Member))
		}
	}
}

// over tells whether another set begins in the next pass.
func over(d plan.Decision) bool { return d.Dissolve == plan.DissolveLedger }
