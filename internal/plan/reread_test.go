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

// starter is an engine whose servers read the key that they share when they start.
type starter struct{ consul.Engine }

func (s starter) Traits() engine.Traits {
	t := s.Engine.Traits()
	t.Credentials = []engine.Credential{{Key: "gossip", Mounted: true, Rotates: "gossip-key", Restarts: true}}
	return t
}

// mounted has every kubelet have mounted what the Secret has.
func mounted(s plan.State) plan.State {
	for i := range s.Members {
		s.Members[i].Report.Mounts = map[string]string{"member/gossip": s.Keys.Current}
		if s.Keys.Next != "" {
			s.Members[i].Report.Mounts["member/gossip-next"] = s.Keys.Next
		}
	}
	return s
}

// next is what is done about keys: a write to the Secret, a pod that is replaced, what
// is asked for, or what holds it back.
func next(s plan.State) string {
	d := plan.Next(starter{}, s)
	switch {
	case d.WriteKey != "":
		return "write " + string(d.WriteKey)
	case len(d.Replace) > 0:
		return "replace " + d.Replace[0].Name
	case d.Plan.BlockedBy != "":
		return "blocked " + d.Plan.BlockedBy
	case len(d.Asks) > 0:
		return "ask for " + string(d.Asks[0].Kind())
	case d.Ledger.Rotation == nil && d.Ledger.Rotated != "":
		return "done"
	}
	return "nothing"
}

// TestNextReread holds what follows from which keys, of servers that read them when
// they start.
func TestNextReread(t *testing.T) {
	old, both, alone := []string{"a"}, []string{"a", "b"}, []string{"b"}
	under := &plan.Rotation{Request: "gossip-key:now", From: "a"}
	secret, promoted := plan.Keys{Current: "a", Next: "b"}, plan.Keys{Current: "b"}
	stale := func(s plan.State) plan.State {
		s.Members[2].Report.Mounts = map[string]string{"member/gossip": "a"}
		return s
	}
	for what, tt := range map[string]struct {
		keys     plan.Keys
		rotation *plan.Rotation
		rings    [][]string
		change   func(plan.State) plan.State
		want     string
	}{
		"nothing yet":                        {plan.Keys{Current: "a"}, nil, [][]string{old, old, old}, nil, "write Introduce"},
		"written down only":                  {plan.Keys{Current: "a"}, under, [][]string{old, old, old}, nil, "write Introduce"},
		"in the Secret":                      {secret, under, [][]string{old, old, old}, nil, "replace db-2"},
		"in the Secret, not in the ledger":   {secret, nil, [][]string{old, old, old}, nil, "replace db-2"},
		"the others first, whoever mounted":  {secret, under, [][]string{old, old, old}, stale, "replace db-1"},
		"not mounted yet, but by the leader": {secret, under, [][]string{old, both, old}, stale, "nothing"},
		"one has read it":                    {secret, under, [][]string{old, old, both}, nil, "replace db-1"},
		"the leader is the last":             {secret, under, [][]string{old, both, both}, nil, "ask for StepDown"},
		"all have read it":                   {secret, under, [][]string{both, both, both}, nil, "write Promote"},
		"all, and the ledger forgot":         {secret, nil, [][]string{both, both, both}, nil, "write Promote"},
		"it is the present one":              {promoted, under, [][]string{both, both, both}, nil, "replace db-2"},
		"one has read the present one":       {promoted, under, [][]string{both, both, alone}, nil, "replace db-1"},
		"none has the other":                 {promoted, under, [][]string{alone, alone, alone}, nil, "done"},
		"one came late with the former":      {promoted, under, [][]string{alone, old, alone}, nil, "replace db-1"},
		"one is unknown before it begins":    {plan.Keys{Current: "a"}, nil, [][]string{old, old, nil}, nil, "blocked keys-known"},
		"one is unknown before the promise":  {secret, under, [][]string{both, both, nil}, nil, "blocked keys-known"},
		"a Secret from before":               {plan.Keys{Current: "c"}, &plan.Rotation{From: "b"}, [][]string{alone, alone, alone}, nil, "nothing"},
		"a Secret from before, nobody asked": {plan.Keys{Current: "c"}, nil, [][]string{alone, alone, alone}, func(s plan.State) plan.State { s.Wanted.Rotate = v1alpha1.Rotation{}; return s }, "nothing"},
	} {
		t.Run(what, func(t *testing.T) {
			s := mounted(rotatable(tt.keys, tt.rings...))
			s.Set.Settled = true
			s.Ledger.Rotation = tt.rotation
			if tt.change != nil {
				s = tt.change(s)
			}
			if got := next(s); got != tt.want {
				t.Errorf("%s, want %s: %+v", got, tt.want, plan.Next(starter{}, s).Plan)
			}
		})
	}
	elder := mounted(rotatable(secret, old, old, old))
	elder.Set.Settled, elder.Set.Agent, elder.Wanted.Agent = true, "old", "new"
	if d := plan.Next(starter{}, elder); !d.Shape.WriteTemplate || len(d.Replace) > 0 {
		t.Errorf("pods of an older init container: written %v, replaced %v", d.Shape.WriteTemplate, d.Replace)
	}
	elder.Set.Agent = "new"
	if got := next(elder); got != "replace db-2" {
		t.Errorf("once the template has the present one: %s", got)
	}
	before := mounted(rotatable(plan.Keys{Current: "c"}, alone, alone, alone))
	if d := plan.Next(starter{}, before); d.Stalled == nil || d.Stalled.Reason != v1alpha1.ReasonCredentialsLost || !strings.Contains(d.Stalled.Message, "restore") {
		t.Errorf("of a Secret from before the user is told %+v", d.Stalled)
	}
	s := mounted(rotatable(secret, old, old, both))
	s.Set.Settled = true
	if d := plan.Next(starter{}, s); !strings.Contains(d.Plan.Why, "other keys") || d.Pending == nil || d.Pending.Reason != v1alpha1.ReasonRotatingKey {
		t.Errorf("the user is told %+v, %+v", d.Plan, d.Pending)
	}
}
