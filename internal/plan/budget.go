// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import "github.com/quorate/quorate/internal/engine"

// Budget is how many members others may evict at once: a PodDisruptionBudget.
type Budget struct {
	// Max is the number, 0 or 1.
	Max int32
	// Closed is true once the disruption controller has seen that none may be.
	Closed bool
	// Epoch is that of the manager that wrote it.
	Epoch int64
}

// budget decides how many members others may evict: one, where the set
// tolerates it as measured now and nothing disruptive is done or about to be;
// else none, and none where the tolerance is not known (law 12). It stays
// closed from one action to the next, so that it is not opened in the middle of
// a rollout.
//
// More than one is never allowed: what was measured for one failure says
// nothing about the moment after it.
func (p *draft) budget() {
	if !p.ledger.Formed || p.state.Set == nil {
		return
	}
	b := &Budget{}
	if a := p.out.Assessment; a.Known && a.Serving && !p.disrupting {
		voters, healthy := a.Voters()
		small := voters <= 2 && healthy == voters && p.state.Wanted.AllowDowntime
		if a.Tolerance > 0 || small {
			b.Max = 1
		}
	}
	p.out.Budget = b
}

// budgetClosed refuses what costs a voter or changes the membership until
// evictions are seen to be closed, by this very manager: one that was frozen
// may be about to open them for what it saw before.
func budgetClosed(p *draft, s engine.Step) string {
	if !disruptive(s) {
		return ""
	}
	b := p.state.Budget
	if b != nil && b.Closed && b.Epoch == p.ledger.Epoch && p.state.Epoch == p.ledger.Epoch {
		return ""
	}
	p.closing = true
	return "evictions of members are being closed first"
}
