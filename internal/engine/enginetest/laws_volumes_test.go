// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest_test

import (
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// hasty is the planner, but for the claims of unwanted members, which it
// deletes at once.
func hasty(e engine.Engine, s plan.State) plan.Decision {
	d := plan.Next(e, s)
	for _, m := range s.Members {
		if m.Claim != nil && !m.Claim.Terminating && m.Ordinal >= s.Wanted.Replicas {
			d.DeleteClaims = append(d.DeleteClaims, plan.ClaimRef{Member: m.Name, UID: m.Claim.UID})
		}
	}
	return d
}

// forgetDooms forgets which claims a manager may be about to delete.
func forgetDooms(_ plan.State, l *plan.Ledger) {
	for i := range l.Discards {
		l.Discards[i].Doomed = false
	}
}

// unasked is the planner, which takes everything for agreed.
func unasked(e engine.Engine, s plan.State) plan.Decision {
	s.Wanted.DeleteLost = true
	return plan.Next(e, s)
}
