// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// allLost is a formed set of three whose volumes are gone. Each pod waits before a
// new and empty one, and the user agrees that the set is given up.
func allLost() plan.State {
	s := threeServers()
	for i := range s.Members {
		m := &s.Members[i]
		m.Claim = &plan.Claim{UID: "new-" + m.Name}
		m.Pod = &plan.Pod{UID: "new-" + m.Name}
		m.Report = &engine.Report{Member: m.Name, PodUID: m.Pod.UID, Volume: engine.VolumeEmpty}
	}
	s.Wanted.Approved = []v1alpha1.Approval{{Kind: v1alpha1.ApproveStartEmpty, Subject: s.Name, Token: s.Ledger.ClusterID}}
	return s
}

func TestWhatIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*plan.State)
		begun  bool
		says   string
	}{
		"all are lost": {func(*plan.State) {}, true, ""},
		"nobody agreed": {func(s *plan.State) { s.Wanted.Approved = nil }, false,
			"quorate.dev/approve=start-empty:db:"},
		"it was agreed for the set before": {func(s *plan.State) { s.Wanted.Approved[0].Token = "former" }, false,
			"quorate.dev/approve=start-empty:db:"},
		"it was agreed for another Datastore": {func(s *plan.State) { s.Wanted.Approved[0].Subject = "db-a" }, false,
			"quorate.dev/approve=start-empty:db:"},
		"what was agreed cannot be read": {func(s *plan.State) { s.Wanted.Approved, s.Wanted.Unreadable = nil, "no form" }, false,
			"agrees to nothing: no form"},
		"nobody has said what is on a claim": {func(s *plan.State) { s.Members[1].Report = nil }, false,
			"db-1 is silent"},
		"nobody has said it of a claim that came later": {func(s *plan.State) {
			s.Wanted.Approved, s.Ledger = nil, plan.Next(consul.Engine{}, *s).Ledger
			s.Members[1].Report, s.Members[1].Claim.UID = nil, "later"
		}, false, "wait until db-1 has said that its volume is empty"},
		"a claim has no pod": {func(s *plan.State) {
			s.Ledger.Members["db-1"] = plan.Entry{Lost: []string{"id-1"}}
			s.Members[1].Report, s.Members[1].Pod = nil, nil
		}, false, "wait until db-1 has said that its volume is empty"},
		"one was let join": {func(s *plan.State) {
			s.Members = append(s.Members, plan.Member{
				Name: "db-3", Ordinal: 3, Pod: &plan.Pod{UID: "p3"}, Claim: &plan.Claim{UID: "c3"},
				Report: &engine.Report{Member: "db-3", PodUID: "p3", Volume: engine.VolumeMember, ClusterID: "c", ClaimUID: "c3", Released: true, Server: engine.Server{Running: true}},
			})
			s.Ledger.Members["db-3"] = plan.Entry{Grant: engine.GrantJoin, PodUID: "p3", ClaimUID: "c3"}
		}, false, "wait until db-3 has said that its volume is empty"},
		"one was to be let join": {func(s *plan.State) {
			s.Set.Replicas, s.Wanted.Replicas = 4, 4
			s.Members = append(s.Members, plan.Member{Name: "db-3", Ordinal: 3, Pod: &plan.Pod{UID: "p3"}, Claim: &plan.Claim{UID: "c3"}})
		}, false, "wait until db-3 has said that its volume is empty"},
		"a claim is not made yet": {func(s *plan.State) { s.Members[1] = plan.Member{Name: "db-1", Ordinal: 1} }, true, ""},
		"a volume was brought back": {func(s *plan.State) {
			s.Members[1].Report = &engine.Report{
				Member: "db-1", PodUID: "new-db-1", Volume: engine.VolumeMember, ClusterID: s.Ledger.ClusterID,
				Server: engine.Server{ID: s.Ledger.Members["db-1"].ID},
			}
		}, false, ""},
		"a volume is another set's": {func(s *plan.State) { s.Members[1].Report.Volume = engine.VolumeForeign }, false,
			"holds data that is not of this datastore"},
	} {
		t.Run(name, func(t *testing.T) {
			s := allLost()
			c.change(&s)
			d := plan.Next(consul.Engine{}, s)
			if d.Ledger.Abandoned != c.begun || c.begun != (len(d.DeleteClaims) > 0) {
				t.Errorf("given up %v, claims deleted %v, stalled %+v", d.Ledger.Abandoned, d.DeleteClaims, d.Stalled)
			}
			if c.says != "" && (d.Stalled == nil || !strings.Contains(d.Stalled.Message, c.says)) {
				t.Errorf("stalled %+v, want one that says %q", d.Stalled, c.says)
			}
			if c.begun && (d.Stalled != nil || d.Shape.Replicas != 0) {
				t.Errorf("stalled %+v, %d replicas", d.Stalled, d.Shape.Replicas)
			}
		})
	}
}

// goneAlready is the same set once its pods and the claims that were doomed are gone.
func goneAlready() plan.State {
	s := allLost()
	s.Ledger = plan.Next(consul.Engine{}, s).Ledger
	for i := range s.Members {
		s.Members[i] = plan.Member{Name: s.Members[i].Name, Ordinal: int32(i)}
	}
	s.Set.Replicas = 0
	return s
}

func TestWhatIsLeftOfASetThatWasGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*plan.State)
		dissolve plan.Dissolution
		takes    bool // it is taken back
	}{
		"nothing but the StatefulSet": {func(*plan.State) {}, plan.DissolveStatefulSet, false},
		"a pod":                       {func(s *plan.State) { s.Members[2].Pod = &plan.Pod{UID: "p", Terminating: true} }, "", false},
		"a claim that is being deleted": {func(s *plan.State) {
			s.Members[2].Claim = &plan.Claim{UID: "new-db-2", Terminating: true}
		}, "", false},
		"a claim that turned up":   {func(s *plan.State) { s.Members[2].Claim = &plan.Claim{UID: "restored"} }, "", true},
		"the word was taken back":  {func(s *plan.State) { s.Wanted.Approved = nil }, "", true},
		"not even the StatefulSet": {func(s *plan.State) { s.Set = nil }, plan.DissolveLedger, false},
		"nothing, and a claim turned up": {func(s *plan.State) {
			s.Set = nil
			s.Members[2].Claim = &plan.Claim{UID: "restored"}
		}, "", true},
		"nothing, and the word was taken back": {func(s *plan.State) { s.Set, s.Wanted.Approved = nil, nil }, "", true},
		"no StatefulSet, and a pod": {func(s *plan.State) {
			s.Set = nil
			s.Members[2].Pod = &plan.Pod{UID: "p", Terminating: true}
		}, "", false},
		"a claim of one that had left": {func(s *plan.State) {
			s.Members = append(s.Members, plan.Member{Name: "db-3", Ordinal: 3, Claim: &plan.Claim{UID: "former"}})
		}, plan.DissolveStatefulSet, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := goneAlready()
			c.change(&s)
			d := plan.Next(consul.Engine{}, s)
			if d.Dissolve != c.dissolve {
				t.Errorf("dissolves %q, want %q; stalled %+v", d.Dissolve, c.dissolve, d.Stalled)
			}
			if back := c.dissolve != plan.DissolveLedger && !d.Ledger.Abandoned; back != c.takes || back && len(d.DeleteClaims) > 0 {
				t.Errorf("taken back %v, claims deleted %v", back, d.DeleteClaims)
			}
		})
	}
}

// What a word was good for once, it is not good for again: neither to give the next
// set up, nor for a recovery of it.
func TestTheNextSetKeepsWhatMustNotBeForgotten(t *testing.T) {
	s := goneAlready()
	s.Ledger.ClaimTemplate, s.Ledger.Adopted = "mongo-data", &adoptedAs
	s.Set, s.Ledger.Recoveries, s.Ledger.Epoch, s.NewClusterID = nil, 3, 7, "next"
	l := plan.Next(consul.Engine{}, s).Ledger
	if l.ClusterID != "next" || l.Predecessor != s.Ledger.ClusterID || l.Recoveries != 3 || l.Epoch != 8 || l.Image != s.Ledger.Image {
		t.Errorf("the next ledger is %+v", l)
	}
	if l.ClaimTemplate != "mongo-data" || l.Adopted == nil || *l.Adopted != adoptedAs {
		t.Errorf("the next ledger does not say what was adopted: %+v", l)
	}
	if l.Formed || l.FormationSize != 0 || l.Abandoned || len(l.Members)+len(l.Discards) > 0 {
		t.Errorf("the next ledger is not empty: %+v", l)
	}
}
