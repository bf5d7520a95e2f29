// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// The set's own identity is in the ledger from the first report of a founder that
// has it. Who comes with another one is none of this set's members.
func TestTheSetIsKnownByItsOwnIdentity(t *testing.T) {
	s := threeServers()
	for i := range s.Members {
		s.Members[i].Report.Server.Set = "first"
	}
	if d := plan.Next(consul.Engine{}, s); d.Ledger.SetID != "" {
		t.Errorf("the identity %q was taken from a member that was not let form", d.Ledger.SetID)
	}
	s.Members[1].Report.Grant = engine.GrantForm
	d := plan.Next(consul.Engine{}, s)
	if d.Ledger.SetID != "first" || d.Stalled != nil || !d.Assessment.Known {
		t.Fatalf("ledger %+v, stalled %v", d.Ledger, d.Stalled)
	}
	s.Ledger = d.Ledger
	s.Members[0].Report.Server.Set = "second"
	d = plan.Next(consul.Engine{}, s)
	if d.Ledger.SetID != "first" || d.Assessment.Known || d.Stalled == nil || d.Stalled.Reason != v1alpha1.ReasonForeignVolume || len(d.Asks)+len(d.Replace) > 0 {
		t.Errorf("the leader of another set is believed: %+v", d)
	}
}
