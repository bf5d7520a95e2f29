// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/quorate/quorate/internal/engine/enginetest"
)

// TestClaimsThatAreBeingDeleted holds how members are replaced whose claims
// somebody deleted while their servers run.
func TestClaimsThatAreBeingDeleted(t *testing.T) {
	play(t, []sequence{
		{"one of three", func() []string { return raftSet(3, of(3)).DoomClaim(1).Rest() }, []string{
			"close",
			"ledger, replace db-1",
			"ledger, EvictDead db-1 by db-0",
			"ledger, Grant/Join db-1",
			"ledger, open",
		}},
		{"that of the leader", func() []string { return raftSet(3, of(3)).DoomClaim(0).Rest() }, []string{
			"close, StepDown db-0",
			"ledger, replace db-0",
			"ledger, EvictDead db-0 by db-1",
			"ledger, Grant/Join db-0",
			"ledger, open",
		}},
		{"all of three, one after the other", func() []string { return raftSet(3, of(3)).DoomClaim(0, 1, 2).Rest() }, []string{
			"close",
			"ledger, replace db-2",
			"ledger, EvictDead db-2 by db-0",
			"ledger, Grant/Join db-2",
			"ledger, replace db-1",
			"ledger, EvictDead db-1 by db-0",
			"ledger, Grant/Join db-1",
			"ledger, StepDown db-0",
			"ledger, replace db-0",
			"ledger, EvictDead db-0 by db-2",
			"ledger, Grant/Join db-0",
			"ledger, open",
		}},
		{"while another member is silent", func() []string { return raftSet(3, of(3)).DoomClaim(1).Silence(2).Rest() }, []string{
			"close",
			"blocked: nobody-silent",
		}},
		{"with a changed template", func() []string {
			return raftSet(3, of(3)).Change(with(enginetest.TemplateOther)).DoomClaim(1).Rest()
		}, []string{
			"close",
			"template t1",
			"ledger, replace db-2",
			"ledger, replace db-1",
			"ledger, EvictDead db-1 by db-0",
			"ledger, Grant/Join db-1",
			"ledger, StepDown db-0",
			"ledger, replace db-0",
			"ledger, open",
		}},
		{"with a template that fails", func() []string {
			return raftSet(3, of(3)).Change(with(enginetest.TemplateNoImage)).DoomClaim(1).Rest()
		}, []string{
			"close",
			"template t2",
			"ledger, replace db-2",
			"ledger, template put back",
			"replace db-2",
			"ledger, replace db-1",
			"ledger, EvictDead db-1 by db-0",
			"ledger, Grant/Join db-1",
			"ledger, open",
			"stalled: RolloutFailed",
			"pending: RolloutFailed",
		}},
		{"of a set of two that may be without service", func() []string {
			return raftSet(2, enginetest.Wanted{Replicas: 2, AllowDowntime: true}).DoomClaim(1).Rest()
		}, []string{
			"stalled: ClaimTerminating",
		}},
		{"of a set of one, which is then made larger", func() []string {
			s := raftSet(1, of(1)).DoomClaim(0)
			return append(s.Rest(), s.Change(of(3)).Rest()...)
		}, []string{
			"stalled: ClaimTerminating",
			"set 1 to 3",
			"ledger, Grant/Join db-1",
			"ledger, Grant/Join db-2",
			"ledger, StepDown db-0",
			"ledger, replace db-0",
			"ledger, EvictDead db-0 by db-1",
			"ledger, Grant/Join db-0",
			"ledger, open",
		}},
		{"of a set that shall be stopped, and then not", func() []string {
			s := raftSet(3, enginetest.Wanted{Replicas: 3, Stopped: true}).DoomClaim(1)
			return append(s.Rest(), s.Change(of(3)).Rest()...)
		}, []string{
			"stalled: ClaimTerminating",
			"close",
			"ledger, replace db-1",
			"ledger, EvictDead db-1 by db-0",
			"ledger, Grant/Join db-1",
			"ledger, open",
		}},
	})
}
