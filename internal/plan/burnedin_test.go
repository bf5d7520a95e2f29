// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// finalizer notes what it was told of the burn-in.
type finalizer struct {
	consul.Engine
	burnedIn *bool
}

func (f finalizer) Validate(_, _ *v1alpha1.Datastore) field.ErrorList { return nil }

func (f finalizer) Plan(want engine.Desired, have engine.Observation) []engine.Step {
	*f.burnedIn = want.BurnedIn
	return f.Engine.Plan(want, have)
}

// What cannot be undone waits until every member has run for a while with what is
// wanted.
func TestBurnIn(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*plan.State)
		want   bool
	}{
		"all have":                    {func(*plan.State) {}, true},
		"one has not":                 {func(s *plan.State) { s.Members[1].Pod.BurnedIn = false }, false},
		"one has no pod":              {func(s *plan.State) { s.Members[1].Pod = nil }, false},
		"one is on its way out":       {func(s *plan.State) { s.Members[1].Pod.Terminating = true }, false},
		"one has another template":    {func(s *plan.State) { s.Members[1].Pod.Template = "old" }, false},
		"the template is not written": {func(s *plan.State) { s.Wanted.Template = "new" }, false},
		"it is refused":               {func(s *plan.State) { s.Wanted.Refused = &plan.Finding{} }, false},
		"fewer are wanted":            {func(s *plan.State) { s.Wanted.Replicas = 2 }, false},
		"more are wanted": {func(s *plan.State) {
			s.Wanted.Replicas = 4
			s.Members = append(s.Members, plan.Member{Name: "db-3", Ordinal: 3})
		}, false},
	} {
		s, got := threeServers(), false
		for i := range s.Members {
			s.Members[i].Pod.BurnedIn = true
		}
		c.change(&s)
		plan.Next(finalizer{burnedIn: &got}, s)
		if got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
