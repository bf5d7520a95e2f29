// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// Kit returns all of the engine for the registry.
func Kit() engine.Kit {
	return engine.Kit{Name: v1alpha1.EngineMongoDB, Engine: Engine{}, Renderer: Renderer{}, NewLocal: NewLocal}
}
