// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/layout"
)

// LayoutOf is that of the members of a Datastore.
func LayoutOf(d *v1alpha1.Datastore, e engine.Engine) layout.Layout {
	var names []string
	for _, r := range engine.Racks(e, d) {
		names = append(names, r.Name)
	}
	return layout.New(d.Name, names...)
}
