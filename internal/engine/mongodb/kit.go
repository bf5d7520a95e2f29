// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import "github.com/quorate/quorate/internal/engine"

// Kit returns all of the engine for the registry.
func Kit() engine.Kit {
	return engine.Kit{Name: name, Engine: Engine{}, Renderer: Renderer{}, NewLocal: NewLocal}
}
