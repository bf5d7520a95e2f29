// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/cassandra"
)

// Kit returns all of the engine for the registry.
func Kit() engine.Kit {
	return engine.Kit{Name: v1alpha1.EngineCassandra, Engine: cassandra.Engine{}, Renderer: cassandra.Renderer{}, NewLocal: NewLocal}
}
