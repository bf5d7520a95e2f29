// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// A changed template was written and taken back before anybody was replaced for
// it: a pod that is made from now on must not have it.
func TestATemplateThatWasTakenBackIsWritten(t *testing.T) {
	for written, want := range map[string]bool{"t": false, "taken back": true} {
		s := threeServers()
		s.Set.Template = written
		if d := plan.Next(consul.Engine{}, s); d.Shape.WriteTemplate != want || len(d.Replace) > 0 {
			t.Errorf("the pods have the wanted template, the StatefulSet %q: shape %+v, replace %v", written, d.Shape, d.Replace)
		}
	}
}
