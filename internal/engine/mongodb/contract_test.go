// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// TestContract runs the contract suite over the model of MongoDB's servers.
func TestContract(t *testing.T) {
	cov := enginetest.Run(t, enginetest.Subject{Engine: Engine{}, Model: newModel()})
	for _, kind := range []engine.StepKind{
		engine.StepBootstrap, engine.StepJoin, engine.StepPromote, engine.StepDemote, engine.StepStepDown, engine.StepLeave, engine.StepEvictDead,
		engine.StepConfigure, engine.StepRotateKey + "/Use",
	} {
		if cov.Admitted[string(kind)] == 0 {
			t.Errorf("no %s was ever asked for", kind)
		}
	}
}

// TestSpares walks what only sets have of which not all members vote: one without
// a vote that takes the place of a lost one, or survives beside a lost majority.
func TestSpares(t *testing.T) {
	four := enginetest.Wanted{Replicas: 4}
	for _, sc := range []*enginetest.Scenario{
		{Name: "four, one lost", Members: 4, Formed: 4, Wanted: four,
			Budget: enginetest.Faults(map[enginetest.Fault]int8{enginetest.ClaimLost: 1, enginetest.Crash: 1, enginetest.Adverse: 1})},
		{Name: "four, a majority lost", Members: 4, Formed: 4, Wanted: enginetest.Wanted{Replicas: 4, Recover: true},
			Budget: enginetest.Faults(map[enginetest.Fault]int8{enginetest.ClaimLost: 2, enginetest.Crash: 1})},
		{Name: "four to six and back", Members: 6, Formed: 4, Wanted: enginetest.Wanted{Replicas: 6}, Changes: []enginetest.Wanted{four, {Replicas: 5}},
			Budget: enginetest.Faults(map[enginetest.Fault]int8{enginetest.Change: 2, enginetest.Crash: 1})},
		{Name: "rollout of four", Members: 4, Formed: 4, Wanted: enginetest.Wanted{Replicas: 4, Template: enginetest.TemplateOther}, Detours: 1,
			Budget: enginetest.Faults(map[enginetest.Fault]int8{enginetest.Crash: 1, enginetest.PodDeleted: 1})},
	} {
		t.Run(sc.Name, func(t *testing.T) {
			cov, breach := enginetest.Explore(sc.With(enginetest.Subject{Engine: Engine{}, Model: newModel()}))
			t.Log(cov)
			if breach != nil {
				t.Error(breach)
			}
		})
	}
}
