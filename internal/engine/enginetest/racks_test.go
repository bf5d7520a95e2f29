// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest_test

import (
	"testing"

	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/engine/enginetest/ring"
)

// rackedSet is a ring in two racks.
var rackedSet = enginetest.Subject{Engine: ring.Engine{}, Model: ring.New(), Racks: true}

// inRacks are the scenarios in which more than one StatefulSet is written, or the size of
// one is.
var inRacks = []string{
	"formation, changed midway", "two crashes, stale, changed", "another manager, changed", "three to five", "two to four",
	"five to three and back", "five to three and back, claims deleted", "claims deleted, another manager",
	"rollout, another manager", "rollout and size", "rollout of what does not start", "stopped and started", "size and evictions",
	"made anew over its claims", "all data lost, given up", "all data lost, given up, another manager",
}

// TestRacks walks them with a ring in two racks, whose StatefulSets are written one after
// the other, and random ways with all that may befall it.
func TestRacks(t *testing.T) {
	total := enginetest.NewCoverage()
	for _, name := range inRacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cov, breach := enginetest.Explore(enginetest.Named(name).With(rackedSet))
			t.Log(cov)
			if breach != nil {
				t.Error(breach)
			}
		})
	}
	t.Run("random", func(t *testing.T) { total.Add(enginetest.Wander(t, rackedSet)) })
}
