// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

// Kit returns all of the engine for the registry. It is here since this half knows
// the other one.
func Kit() engine.Kit {
	return engine.Kit{Name: v1alpha1.EngineConsul, Engine: consul.Engine{}, Renderer: consul.Renderer{}, NewLocal: NewLocal}
}
