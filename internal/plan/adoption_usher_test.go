// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// consulAdopted is a set of Consul's of which db-2 was taken over, db-0 goes next, and
// who leads is said.
func consulAdopted(t *testing.T, leader string) plan.State {
	t.Helper()
	s := halfAdopted(t)
	r := s.Members[2].Report
	seen := *r.Server.Seen
	seen.Peers = slices.Clone(seen.Peers)
	for i := range seen.Peers {
		seen.Peers[i].Leader = seen.Peers[i].Name == leader
	}
	r.Server.Set, r.Server.Seen, r.Server.View, r.Server.Leader = "", &seen, nil, false
	r.Server.Facts = map[string]string{consul.FactACL: consul.ACLOpen, consul.FactCleanup: "false"}
	s.Ledger.SetID = ""
	return s
}

// TestTheWayIsMadeFree: what the servers do by themselves is switched off before a pod
// goes, which is told and asked for again where it fails; and who leads without an agent
// hands over, which is tried once and holds nobody up.
func TestTheWayIsMadeFree(t *testing.T) {
	allTaken := func(s *plan.State) { // but for db-0
		m := &s.Members[1]
		r := *s.Members[2].Report
		r.Member, r.ClaimUID, r.PodUID = m.Name, m.Claim.UID, m.Pod.UID
		r.Server.ID = "1"
		m.Pod.Handmade, m.Pod.Template, m.Pod.Agent, m.Report = false, "t", "a", &r
		e := s.Ledger.Members[m.Name]
		e.Replacing = ""
		s.Ledger.Members[m.Name] = e
	}
	tried := func(kind engine.StepKind, done bool) func(*plan.State) {
		return func(s *plan.State) {
			for i := range s.Members {
				if r := s.Members[i].Report; r != nil {
					if r.Action = (&engine.ActionState{ID: "1", Kind: kind, Done: done}); done {
						r.Action.Error = "no"
					}
				}
			}
		}
	}
	doneBy := func(i int) func(*plan.State) {
		return func(s *plan.State) {
			s.Members[i].Report.Action = &engine.ActionState{ID: "2", Kind: engine.StepConfigure, Done: true}
		}
	}
	done := doneBy(2)
	failedBefore := func(s *plan.State) { s.Members[2].Report.Action.Before = "no" }
	cleans := func(s *plan.State) { s.Members[2].Report.Server.Facts[consul.FactCleanup] = "true" }
	for name, c := range map[string]struct {
		leader  string
		changes []func(*plan.State)
		asks    engine.StepKind
		next    string
		told    string
	}{
		"another goes that does not lead":          {"db-1", nil, "", "db-0", ""},
		"autopilot removes the silent":             {"db-1", []func(*plan.State){cleans}, engine.StepConfigure, "", ""},
		"that was done":                            {"db-1", []func(*plan.State){cleans, done}, "", "db-0", ""},
		"that has failed":                          {"db-1", []func(*plan.State){cleans, tried(engine.StepConfigure, true)}, engine.StepConfigure, "", "db-2 cannot switch off what the servers do by themselves, and no other pod is replaced meanwhile: no"},
		"that has failed, and is tried again":      {"db-1", []func(*plan.State){cleans, tried(engine.StepConfigure, false), failedBefore}, "", "", "db-2 cannot switch off what the servers do by themselves, and no other pod is replaced meanwhile: no"},
		"that has failed, and was done by another": {"db-1", []func(*plan.State){cleans, tried(engine.StepConfigure, true), allTaken, doneBy(1)}, "", "db-0", ""},
		"that is being done":                       {"db-1", []func(*plan.State){cleans, tried(engine.StepConfigure, false)}, "", "", ""},
		"the last one leads":                       {"db-0", []func(*plan.State){allTaken}, engine.StepStepDown, "", ""},
		"the last one was asked":                   {"db-0", []func(*plan.State){allTaken, tried(engine.StepStepDown, true)}, "", "db-0", ""},
		"it is about to hand over":                 {"db-0", []func(*plan.State){allTaken, tried(engine.StepStepDown, false)}, "", "", ""},
		"the last one has handed over":             {"db-1", []func(*plan.State){allTaken}, "", "db-0", ""},
		"its pod is on its way by now":             {"db-0", []func(*plan.State){allTaken, begun}, "", "db-0", ""},
		"another thing was tried before it":        {"db-0", []func(*plan.State){allTaken, tried(engine.StepConfigure, true)}, engine.StepStepDown, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := consulAdopted(t, c.leader)
			for _, change := range c.changes {
				change(&s)
			}
			d := plan.Next(consul.Engine{}, s)
			var asks engine.StepKind
			if len(d.Asks) == 1 {
				asks = d.Asks[0].Kind()
			}
			next := ""
			if len(d.Replace) == 1 {
				next = d.Replace[0].Name
			}
			if asks != c.asks || next != c.next {
				t.Errorf("asks %v, replaces %v, plan %+v, stalled %v", d.Asks, d.Replace, d.Plan, d.Stalled)
			}
			told := ""
			if d.Stalled != nil {
				told = d.Stalled.Message
			}
			if told != c.told {
				t.Errorf("told %q, want %q", told, c.told)
			}
		})
	}
}

func begun(s *plan.State) {
	e := s.Ledger.Members["db-0"]
	e.Replacing = s.Members[0].Pod.UID
	s.Ledger.Members["db-0"] = e
}
