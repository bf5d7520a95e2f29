// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/engine/enginetest/ring"
)

// ringOf is a script with a ring of a size at rest.
func ringOf(formed, wanted int8) *enginetest.Script {
	sc := &enginetest.Scenario{Name: "sequence", Members: enginetest.MaxMembers, Formed: formed, Wanted: of(wanted)}
	return enginetest.NewScript(sc.With(enginetest.Subject{Engine: ring.Engine{}, Model: ring.New()}))
}

// TestALeaveThatDied holds that a member which was asked to leave, and died before it had,
// stays where it is wanted again, and that what goes on is completed.
func TestALeaveThatDied(t *testing.T) {
	play(t, []sequence{
		{"it died, and is wanted again", func() []string {
			s := ringOf(4, 3)
			return append(s.Until("Leave db-3"), s.Kill(3).Change(of(4)).Rest()...)
		}, []string{
			"close",
			"ledger, Leave db-3",
			"ledger, open",
		}},
		{"it was not asked yet, and the word of the manager before comes late, but first", func() []string {
			s := ringOf(4, 3)
			return append(s.LingerBefore("Leave db-3"), s.Change(of(4)).Rest()...)
		}, []string{
			"close",
			"ledger, Leave db-3 (replaced before Leave db-3)",
			"ledger, close, epoch on set, Grant/Join db-3",
			"ledger, open, epoch on set, Leave db-3",
			"ledger, close",
			"ledger, Grant/Join db-3",
			"ledger, open",
		}},
		{"it goes on, and is wanted again", func() []string {
			s := ringOf(4, 3)
			return append(s.Until("Leave db-3"), s.Change(of(4)).Rest()...)
		}, []string{
			"close",
			"ledger, Leave db-3",
			"open, Leave db-3",
			"ledger, close",
			"ledger, Grant/Join db-3",
			"ledger, open",
		}},
	})
}
