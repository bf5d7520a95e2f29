// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/quorate/quorate/internal/engine/enginetest"
)

// TestRecovery holds how a set is recovered that has lost its majority for good.
func TestRecovery(t *testing.T) {
	agreed := func(n int8) enginetest.Wanted { return enginetest.Wanted{Replicas: n, Recover: true} }
	play(t, []sequence{
		{"nobody agreed", func() []string { return raftSet(3, of(3)).LoseClaim(1, 2).Rest() }, []string{
			"ledger, close",
			"stalled: MajorityLost",
		}},
		{"from one of three", func() []string {
			s := raftSet(3, of(3)).LoseClaim(1, 2)
			s.Rest()
			return s.Change(agreed(3)).Rest()
		}, []string{
			"ledger, Recover db-0",
			"ledger, replace db-0",
			"ledger",
			"ledger, Grant/Join db-1",
			"ledger, Grant/Join db-2",
			"ledger, open",
		}},
		{"from two of five", func() []string { return raftSet(5, agreed(5)).LoseClaim(0, 1, 4).Rest() }, []string{
			"ledger, close, Recover db-2, Recover db-3",
			"ledger, replace db-2, replace db-3",
			"ledger",
			"ledger, Grant/Join db-0",
			"ledger, Grant/Join db-1",
			"ledger, Grant/Join db-4",
			"ledger, open",
		}},
		{"from one of two", func() []string { return raftSet(2, agreed(2)).LoseClaim(1).Rest() }, []string{
			"ledger, Recover db-0",
			"ledger, replace db-0",
			"ledger",
			"ledger, Grant/Join db-1",
			"ledger",
		}},
		{"of members on nodes that are gone", func() []string { return raftSet(3, agreed(3)).LoseNode(1, 2).Rest() }, []string{
			"ledger, close, delete claim of db-1, delete claim of db-2, replace db-1, replace db-2",
			"ledger, Recover db-0",
			"ledger, replace db-0",
			"ledger",
			"ledger, Grant/Join db-1",
			"ledger, Grant/Join db-2",
			"ledger, open",
		}},
		{"one is only silent", func() []string { return raftSet(3, agreed(3)).LoseClaim(1).Silence(2).Rest() }, []string{
			"ledger, close",
			"blocked: quorum-after",
		}},
		{"a majority is left", func() []string { return raftSet(3, agreed(3)).LoseClaim(1).Rest() }, []string{
			"ledger, close",
			"EvictDead db-1 by db-0",
			"ledger, Grant/Join db-1",
			"ledger, open",
		}},
		{"all is lost", func() []string { return raftSet(3, agreed(3)).LoseClaim(0, 1, 2).Rest() }, []string{
			"ledger",
			"stalled: DataLost",
		}},
		{"another survivor is lost on the way", func() []string {
			s := raftSet(5, agreed(5)).LoseClaim(0, 1, 4)
			return append(s.CrashBefore("replace"), s.LoseClaim(2).Rest()...)
		}, []string{
			"ledger, close, Recover db-2, Recover db-3",
			"ledger, replace db-2, replace db-3 (crash before replace)",
			"ledger, close, epoch on set",
			"ledger, Recover db-3",
			"replace db-3",
			"ledger",
			"ledger, Grant/Join db-0",
			"ledger, Grant/Join db-1",
			"ledger, Grant/Join db-2",
			"ledger, Grant/Join db-4",
			"ledger, open",
		}},
		{"the nodes come back before their claims are deleted", func() []string {
			s := raftSet(3, agreed(3)).LoseNode(1, 2)
			return append(s.CrashBefore("delete claim"), s.NodeBack(1).NodeBack(2).Rest()...)
		}, []string{
			"ledger, close, delete claim of db-1, delete claim of db-2, replace db-1, replace db-2 (crash before delete claim)",
			"ledger, close, epoch on set",
			"open",
		}},
		{"the set shall be stopped", func() []string {
			w := agreed(3)
			w.Stopped = true
			s := raftSet(3, w).LoseClaim(1, 2)
			return append(s.Rest(), s.Change(agreed(3)).Rest()...)
		}, []string{
			"ledger, close, set 3 to 2",
			"set 2 to 1",
			"set 1 to 0",
			"set 0 to 3",
			"ledger, Recover db-0",
			"ledger, replace db-0",
			"ledger",
			"ledger, Grant/Join db-1",
			"ledger, Grant/Join db-2",
			"ledger, open",
		}},
	})
}
