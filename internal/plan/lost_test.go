// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/plan"
)

// TestLostMembers holds how a member is replaced whose node is gone.
func TestLostMembers(t *testing.T) {
	unasked := enginetest.Wanted{Replicas: 3, DeleteLost: true}
	play(t, []sequence{
		{"unasked, by the policy", func() []string { return raftSet(3, unasked).LoseNode(1).Rest() }, []string{
			"close",
			"ledger, delete claim of db-1, replace db-1",
			"ledger, EvictDead db-1 by db-0",
			"ledger, Grant/Join db-1",
			"ledger, open",
		}},
		{"nobody is asked while it may come back", func() []string { return raftSet(3, of(3)).LoseNode(1).Rest() }, []string{
			"close",
			"stalled: MemberLost",
		}},
		{"it comes back", func() []string {
			s := raftSet(3, of(3)).LoseNode(1)
			s.Rest()
			return s.NodeBack(1).Rest()
		}, []string{
			"open",
		}},
		{"a crash before the claim goes, and it comes back", func() []string {
			s := raftSet(3, unasked).LoseNode(1)
			return append(s.CrashBefore("delete claim"), s.NodeBack(1).Rest()...)
		}, []string{
			"close",
			"ledger, delete claim of db-1, replace db-1 (crash before delete claim)",
			"ledger, open",
		}},
		{"a crash before the claim goes", func() []string {
			s := raftSet(3, unasked).LoseNode(1)
			return append(s.CrashBefore("delete claim"), s.Rest()...)
		}, []string{
			"close",
			"ledger, delete claim of db-1, replace db-1 (crash before delete claim)",
			"delete claim of db-1, replace db-1",
			"ledger, close, epoch on set",
			"EvictDead db-1 by db-0",
			"ledger, Grant/Join db-1",
			"ledger, open",
		}},
		{"its node is back when the word of a manager that was replaced comes late", func() []string {
			s := raftSet(3, unasked).LoseNode(1)
			return append(s.LingerBefore("delete claim"), s.NodeBack(1).Rest()...)
		}, []string{
			"close",
			"ledger, delete claim of db-1, replace db-1 (replaced before delete claim)",
			"ledger, open",
			"ledger, close, epoch on set",
			"ledger, replace db-1",
			"ledger, EvictDead db-1 by db-0",
			"ledger, Grant/Join db-1",
			"ledger, open",
		}},
		{"without a quorum nothing is given up", func() []string { return raftSet(3, unasked).LoseNode(1, 2).Rest() }, []string{
			"close",
			"stalled: MajorityLost",
		}},
		{"two of five, one after the other", func() []string {
			return raftSet(5, enginetest.Wanted{Replicas: 5, DeleteLost: true}).LoseNode(1, 2).Rest()
		}, []string{
			"close",
			"ledger, delete claim of db-1, replace db-1",
			"ledger, EvictDead db-1 by db-0",
			"ledger, delete claim of db-2, replace db-2",
			"ledger, EvictDead db-2 by db-0",
			"ledger, Grant/Join db-1",
			"ledger, Grant/Join db-2",
			"ledger, open",
		}},
	})
}

// TestALostMemberIsReplacedWithTheUsersWord: the approval must name member and
// claim; the policy is another way to say so.
func TestALostMemberIsReplacedWithTheUsersWord(t *testing.T) {
	replace := func(member, uid string) []v1alpha1.Approval {
		return []v1alpha1.Approval{{Kind: v1alpha1.ApproveReplace, Subject: member, Token: uid}}
	}
	stranded := func(s *plan.State) {
		s.Members[2].Claim.Stranded, s.Members[2].Report = "its node is gone", nil
	}
	wiped := func(s *plan.State) {
		s.Members[2].Report = &engine.Report{Member: "db-2", PodUID: s.Members[2].Pod.UID, Volume: engine.VolumeEmpty}
	}
	for name, c := range map[string]struct {
		lose    func(*plan.State)
		wanted  plan.Wanted
		deleted bool
		says    []string
	}{
		"the node is gone":                  {stranded, plan.Wanted{}, false, []string{"db-2 is lost: its node is gone", "quorate.dev/approve=replace:db-2:"}},
		"the node is gone, agreed":          {stranded, plan.Wanted{Approved: replace("db-2", "UID")}, true, nil},
		"the node is gone, by the policy":   {stranded, plan.Wanted{DeleteLost: true}, true, nil},
		"agreed for another claim":          {stranded, plan.Wanted{Approved: replace("db-2", "other")}, false, []string{"db-2 is lost"}},
		"agreed for another member":         {stranded, plan.Wanted{Approved: replace("db-1", "UID")}, false, []string{"db-2 is lost"}},
		"what was agreed to is not legible": {stranded, plan.Wanted{Unreadable: "it is not of the form"}, false, []string{"agrees to nothing: it is not of the form"}},
		"the volume is empty":               {wiped, plan.Wanted{}, false, []string{"its volume is empty, although it had joined", "replace:db-2:"}},
		"the volume is empty, agreed":       {wiped, plan.Wanted{Approved: replace("db-2", "UID")}, true, nil},
		"it is only silent":                 {func(s *plan.State) { s.Members[2].Report = nil }, plan.Wanted{DeleteLost: true}, false, nil},
		"its server lives":                  {func(s *plan.State) { s.Members[2].Claim.Stranded = "its node is gone" }, plan.Wanted{DeleteLost: true}, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := threeServers()
			s.Members[0].Report.Server.View.Peers[2].Healthy = false
			c.lose(&s)
			uid := s.Members[2].Claim.UID
			s.Wanted.DeleteLost, s.Wanted.Approved, s.Wanted.Unreadable = c.wanted.DeleteLost, c.wanted.Approved, c.wanted.Unreadable
			for i, a := range s.Wanted.Approved {
				s.Wanted.Approved[i].Token = strings.Replace(a.Token, "UID", uid, 1)
			}
			d := plan.Next(consul.Engine{}, s)
			if deleted := len(d.DeleteClaims) == 1 && d.DeleteClaims[0] == (plan.ClaimRef{Member: "db-2", UID: uid}); deleted != c.deleted {
				t.Errorf("deleted %+v, plan %+v", d.DeleteClaims, d.Plan)
			}
			if c.deleted != (len(d.Ledger.Discards) == 1) {
				t.Errorf("the ledger says %+v", d.Ledger.Discards)
			}
			if asked := d.Stalled != nil && d.Stalled.Reason == v1alpha1.ReasonMemberLost; asked != (c.says != nil) {
				t.Fatalf("stalled %+v", d.Stalled)
			}
			for _, text := range c.says {
				if !strings.Contains(d.Stalled.Message, text) {
					t.Errorf("%q does not say %q", d.Stalled.Message, text)
				}
			}
		})
	}
}
