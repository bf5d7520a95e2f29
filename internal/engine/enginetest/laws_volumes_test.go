// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest_test

import (
	"strconv"

	"github.com/quorate/quorate/api/v1alpha1"
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

// agreeing is the planner, which takes any recovery for agreed.
func agreeing(e engine.Engine, s plan.State) plan.Decision {
	for _, m := range s.Members {
		for n := range 3 {
			s.Wanted.Approved = append(s.Wanted.Approved, v1alpha1.Approval{Kind: v1alpha1.ApproveRecover, Subject: m.Name, Token: strconv.Itoa(n)})
		}
	}
	return plan.Next(e, s)
}

// resigned is the planner, which takes it for agreed that a set that lost all of
// its data is given up.
func resigned(e engine.Engine, s plan.State) plan.Decision {
	if s.Ledger != nil {
		s.Wanted.Approved = append(s.Wanted.Approved, v1alpha1.Approval{Kind: v1alpha1.ApproveStartEmpty, Subject: s.Name, Token: s.Ledger.ClusterID})
	}
	return plan.Next(e, s)
}

// forgetTold forgets that the survivors of a recovery are about to be told.
func forgetTold(_ plan.State, l *plan.Ledger) {
	if l.Recovery != nil {
		l.Recovery.Told = false
	}
}
