// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
)

// Kit returns all of the engine for the registry. It is here since this half knows
// the other one.
func Kit() engine.Kit {
	return engine.Kit{Name: v1alpha1.EngineMongoDB, Engine: mongodb.Engine{}, Renderer: mongodb.Renderer{}, NewLocal: NewLocal}
}
