// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// An ordinal that the ledger does not know may be in the membership: a manager
// that was replaced may have added it. While that cannot be read the StatefulSet
// stays as large as it is, also where fewer are wanted.
func TestTheSetDoesNotShrinkUnread(t *testing.T) {
	s := threeServers()
	s.Set.Replicas = 4
	if got := plan.Next(consul.Engine{}, s).Shape.Replicas; got != 3 {
		t.Errorf("with a leader the set gets %d replicas, want 3", got)
	}
	lead := &s.Members[0].Report.Server
	lead.Leader, lead.View = false, nil
	if got := plan.Next(consul.Engine{}, s).Shape.Replicas; got != 4 {
		t.Errorf("while nobody leads the set gets %d replicas, want 4 as before", got)
	}
}
