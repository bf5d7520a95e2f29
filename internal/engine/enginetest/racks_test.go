// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest_test

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/engine/enginetest/ring"
	"github.com/quorate/quorate/internal/plan"
)

// rackedSet is a ring in two racks, and inThree one in three, where the order in which
// members join matters.
var (
	rackedSet = enginetest.Subject{Engine: ring.Engine{}, Model: ring.NewInRacks(2), Racks: 2}
	inThree   = enginetest.Subject{Engine: ring.Engine{}, Model: ring.NewInRacks(3), Racks: 3}
)

// inRacks are the scenarios in which more than one StatefulSet is written, or the size of
// one is.
var inRacks = []string{
	"formation, changed midway", "two crashes, stale, changed", "another manager, changed", "three to five", "two to four",
	"five to three and back", "five to three and back, claims deleted", "claims deleted, another manager",
	"rollout, another manager", "rollout and size", "rollout of what does not start", "stopped and started", "size and evictions",
	"made anew over its claims", "all data lost, given up", "all data lost, given up, another manager",
}

// oneRackIsLate are those of three racks in which the only member of one does not come, or
// is lost, while the second of another one waits to join.
func oneRackIsLate() []*enginetest.Scenario {
	return []*enginetest.Scenario{
		{Name: "formation of five, one is silent", Members: 5, Wanted: enginetest.Wanted{Replicas: 5},
			Budget: enginetest.Faults(map[enginetest.Fault]int8{enginetest.Silence: 1, enginetest.Crash: 1})},
		{Name: "formation of four, the user waits", Members: 4, Wanted: enginetest.Wanted{Replicas: 4}, Detours: 1,
			Changes: []enginetest.Wanted{{Replicas: 2}, {Replicas: 4}},
			Budget:  enginetest.Faults(map[enginetest.Fault]int8{enginetest.Silence: 1, enginetest.Change: 2})},
		{Name: "one is lost while another joins", Members: 4, Formed: 3, Wanted: enginetest.Wanted{Replicas: 4}, Detours: 1,
			Budget: enginetest.Faults(map[enginetest.Fault]int8{enginetest.ClaimLost: 2, enginetest.Crash: 1})},
		{Name: "nodes are lost while another joins", Members: 5, Formed: 3, Wanted: enginetest.Wanted{Replicas: 5, DeleteLost: true},
			Budget: enginetest.Faults(map[enginetest.Fault]int8{enginetest.NodeLost: 1, enginetest.PodDeleted: 1, enginetest.Crash: 1})},
	}
}

// TestRacks walks them with a ring in two racks, whose StatefulSets are written one after
// the other, and random ways with all that may befall it.
func TestRacks(t *testing.T) {
	for _, name := range inRacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			explore(t, enginetest.Named(name).With(rackedSet))
		})
	}
	t.Run("random", func(t *testing.T) { enginetest.Wander(t, rackedSet) })
}

// walkInThree walks the scenarios in which the order matters that members join in.
func walkInThree(t *testing.T) *enginetest.Coverage {
	total := enginetest.NewCoverage()
	for _, sc := range append(oneRackIsLate(), enginetest.Named("three to five"), enginetest.Named("five to three and back")) {
		t.Run(sc.Name, func(t *testing.T) { total.Add(explore(t, sc.With(inThree))) })
	}
	t.Run("random", func(t *testing.T) { total.Add(enginetest.Wander(t, inThree)) })
	return total
}

func explore(t *testing.T, sc *enginetest.Scenario) *enginetest.Coverage {
	t.Helper()
	cov, breach := enginetest.Explore(sc)
	t.Log(cov)
	if breach != nil {
		t.Error(breach)
	}
	return cov
}

// Without the guard a second member of a rack is let join that cannot.
func TestRacksAreFilledFirst(t *testing.T) {
	for _, sc := range oneRackIsLate()[:2] {
		sc.Decide = without(t, plan.GuardRacksFilled)
		_, breach := enginetest.Explore(sc.With(inThree))
		if breach == nil || !strings.Contains(breach.Law, "racks") {
			t.Errorf("%s: nothing was noticed but %v", sc.Name, breach)
			continue
		}
		t.Logf("%s: noticed after %d steps: %s", sc.Name, len(breach.Way), breach.Law)
	}
}
