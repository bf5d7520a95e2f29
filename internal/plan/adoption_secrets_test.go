// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/plan"
)

// TestNobodyGoesOnUntilTheAgentIsLetIn: the first that was taken over asks for it, what is
// in the way is told, and no other pod is replaced.
func TestNobodyGoesOnUntilTheAgentIsLetIn(t *testing.T) {
	failed := func(of engine.StepKind) func(*plan.State) {
		return func(s *plan.State) {
			s.Members[2].Report.Action = &engine.ActionState{ID: "x", Kind: of, Done: true, Error: "the server does not let in the administrator"}
		}
	}
	again := func(before string) func(*plan.State) {
		return func(s *plan.State) {
			s.Members[2].Report.Action = &engine.ActionState{ID: "x", Kind: engine.StepBootstrap, Before: before}
		}
	}
	for name, c := range map[string]struct {
		change func(*plan.State)
		asks   bool
		says   string
	}{
		"it is asked": {func(*plan.State) {}, true, ""},
		"the wrong password": {failed(engine.StepBootstrap), true,
			"db-2 does not let the operator's agent in, and no other pod is replaced meanwhile: the server does not let in the administrator"},
		"it is tried again": {again("the server does not let in the administrator"), true,
			"and no other pod is replaced meanwhile: the server does not let in the administrator"},
		"it is tried":            {again(""), true, ""},
		"what failed is over":    {failed(engine.StepGrant), true, ""},
		"a Secret is gone":       {func(s *plan.State) { s.AdoptedSecrets.Problems = []string{"Secret x does not exist"} }, false, "Secret x does not exist; no other pod is replaced"},
		"it is silent":           {func(s *plan.State) { s.Members[2].Report = nil }, false, ""},
		"its pod is another one": {func(s *plan.State) { s.Members[2].Pod.UID = "other" }, false, ""},
		"the set has none":       {func(s *plan.State) { s.AdoptedSecrets = nil }, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := halfAdopted(t)
			s.AdoptedSecrets = &plan.AdoptedSecrets{}
			s.Members[2].Report.Server = engine.Server{Running: true, Formed: true, Facts: map[string]string{"users": "Pending"}}
			s.Members[2].Pod.Ready = false
			c.change(&s)
			d := plan.Next(mongodb.Engine{}, s)
			if len(d.Replace) > 0 || (len(d.Asks) > 0) != c.asks || c.asks && (len(d.Asks) > 1 || d.Asks[0].Step == nil || d.Asks[0].Member != "db-2" || d.Asks[0].Step.Kind != engine.StepBootstrap) {
				t.Fatalf("asks %+v, replaces %v", d.Asks, d.Replace)
			}
			stalled := ""
			if d.Stalled != nil && d.Stalled.Reason == v1alpha1.ReasonAdoptionRefused {
				stalled = d.Stalled.Message
			}
			if (stalled == "") != (c.says == "") || !strings.Contains(stalled, c.says) {
				t.Errorf("stalled %+v, want %q", d.Stalled, c.says)
			}
			if d.Plan.Action != engine.StepAdopt {
				t.Errorf("plan %+v", d.Plan)
			}
		})
	}
}

// TestAnotherKeyIsTold: where the user has another one by now than ours are started with,
// no other pod is replaced, and the adoption can still end.
func TestAnotherKeyIsTold(t *testing.T) {
	for name, changed := range map[string][]string{"the same": nil, "another": {"put the key back"}} {
		t.Run(name, func(t *testing.T) {
			s := halfAdopted(t)
			s.AdoptedSecrets = &plan.AdoptedSecrets{Changed: changed}
			d := plan.Next(mongodb.Engine{}, s)
			told := d.Stalled != nil && d.Stalled.Reason == v1alpha1.ReasonAdoptionRefused && strings.Contains(d.Stalled.Message, "put the key back; no other pod is replaced")
			if told != (changed != nil) || len(d.Replace) > 0 == told {
				t.Errorf("stalled %v, replaces %v, plan %+v", d.Stalled, d.Replace, d.Plan)
			}
		})
	}
}
