// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cassandra

import (
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// TestContract runs the contract suite over the model of Cassandra's servers.
func TestContract(t *testing.T) {
	cov := enginetest.Run(t, enginetest.Subject{Engine: Engine{}, Model: newModel()})
	for _, kind := range []engine.StepKind{
		engine.StepBootstrap, engine.StepConfigure, engine.StepLeave, engine.StepEvictDead,
	} {
		if cov.Admitted[string(kind)] == 0 {
			t.Errorf("no %s was ever asked for", kind)
		}
	}
}
