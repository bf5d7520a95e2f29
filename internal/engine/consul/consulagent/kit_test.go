// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
)

func TestKit(t *testing.T) {
	if kit := Kit(); kit.Name != v1alpha1.EngineConsul || kit.Engine == nil || kit.Renderer == nil || kit.NewLocal == nil {
		t.Errorf("the kit is not whole: %+v", kit)
	}
}
