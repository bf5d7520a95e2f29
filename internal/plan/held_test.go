// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// holding is an engine that has nobody leave, for a reason of its own.
type holding struct{ consul.Engine }

const heldBack = "the data would have too few copies"

func (h holding) Plan(want engine.Desired, have engine.Observation) []engine.Step {
	steps := h.Engine.Plan(want, have)
	for i := range steps {
		if steps[i].Kind == engine.StepLeave {
			steps[i].Blocked = heldBack
		}
	}
	return steps
}

// What the engine holds back is told and not done, and does not close the budget:
// it may wait for a person for days, and nodes are drained meanwhile.
func TestAStepThatItsEngineHoldsBackIsToldAndNotDone(t *testing.T) {
	s := threeServers()
	s.Wanted.Replicas, s.Budget.Closed = 2, false
	d := plan.Next(holding{}, s)
	if d.Plan.Action != engine.StepLeave || d.Plan.Member != "db-2" || d.Plan.BlockedBy != plan.GuardEngine || d.Plan.Message != heldBack {
		t.Errorf("the plan says %+v", d.Plan)
	}
	if len(d.Asks) > 0 || d.Ledger.Members["db-2"].Leaving {
		t.Errorf("it is done all the same: %+v", d.Asks)
	}
	if d.Budget == nil || d.Budget.Max != 1 {
		t.Errorf("the budget is %+v", d.Budget)
	}
	if d := plan.Next(consul.Engine{}, s); d.Budget == nil || d.Budget.Max != 0 {
		t.Errorf("without it the budget is %+v", d.Budget)
	}
}
