// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/quorate/quorate/internal/engine/enginetest"
)

// TestClaimsOfThoseWhoLeft holds when the claim of a member that has left goes,
// and when it stays.
func TestClaimsOfThoseWhoLeft(t *testing.T) {
	discarding := func(n int8) enginetest.Wanted { return enginetest.Wanted{Replicas: n, DeleteScaled: true} }
	play(t, []sequence{
		{"deleted last, once the pod is gone", func() []string {
			return raftSet(4, discarding(3)).Rest()
		}, []string{
			"close",
			"ledger, Leave db-3",
			"ledger, open, set 4 to 3",
			"ledger, delete claim of db-3",
			"ledger",
		}},
		{"two of them, each after its pod", func() []string {
			return raftSet(5, discarding(3)).Rest()
		}, []string{
			"close",
			"ledger, Leave db-4",
			"ledger, set 5 to 4, Leave db-3",
			"ledger, open, set 4 to 3, delete claim of db-4",
			"ledger, delete claim of db-3",
			"ledger",
		}},
		{"kept by the policy, and not deleted when that is changed afterwards", func() []string {
			s := raftSet(4, of(3))
			return append(s.Rest(), s.Change(discarding(3)).Rest()...)
		}, []string{
			"close",
			"ledger, Leave db-3",
			"ledger, open, set 4 to 3",
		}},
		{"changed back before it is doomed", func() []string {
			s := raftSet(4, discarding(3))
			return append(s.Until("set 4 to 3"), s.Change(of(3)).Rest()...)
		}, []string{
			"close",
			"ledger, Leave db-3",
			"ledger, open, set 4 to 3",
			"ledger",
		}},
		{"wanted again before it is doomed", func() []string {
			s := raftSet(4, discarding(3))
			return append(s.Until("set 4 to 3"), s.Change(discarding(4)).Rest()...)
		}, []string{
			"close",
			"ledger, Leave db-3",
			"ledger, open, set 4 to 3",
			"set 3 to 4",
			"close",
			"ledger, Grant/Join db-3",
			"ledger, open",
		}},
		{"doomed, a crash, and wanted again: it goes first", func() []string {
			s := raftSet(4, discarding(3))
			return append(s.CrashBefore("delete claim"), s.Change(discarding(4)).Rest()...)
		}, []string{
			"close",
			"ledger, Leave db-3",
			"ledger, open, set 4 to 3",
			"ledger, delete claim of db-3 (crash before delete claim)",
			"delete claim of db-3",
			"ledger, set 3 to 4",
			"ledger, close, epoch on set",
			"ledger, Grant/Join db-3",
			"ledger, open",
		}},
		{"not while the membership is unknown", func() []string {
			s := raftSet(4, discarding(3))
			s.Until("set 4 to 3")
			return s.Silence(0, 1, 2).Rest()
		}, []string{"close"}},
	})
}
