// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/cassandra"
)

// name is what a Datastore will call the engine. It is not in the API yet, and the kit
// not in the registry: nobody can ask for it.
const name = "Cassandra"

// Kit returns all of the engine for the registry.
func Kit() engine.Kit {
	return engine.Kit{Name: name, Engine: cassandra.Engine{}, Renderer: cassandra.Renderer{}, NewLocal: NewLocal}
}
