// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"testing"

	"github.com/quorate/quorate/internal/engine"
)

func TestKeyStep(t *testing.T) {
	for phase, secrets := range map[engine.KeyPhase]int{engine.KeyAdd: 1, engine.KeyUse: 0, engine.KeyRemove: 0} {
		s, ok := Engine{}.KeyStep(engine.KeyChange{Phase: phase}, engine.Observation{})
		if ok {
			t.Errorf("%s is asked of %q while nobody leads", phase, s.Member)
		}
		if len(s.Secrets) != secrets {
			t.Errorf("%s is sent with %v", phase, s.Secrets)
		}
	}
}
