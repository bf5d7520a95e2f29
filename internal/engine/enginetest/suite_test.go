// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest_test

import (
	"reflect"
	"sync"
	"testing"

	"github.com/quorate/quorate/internal/engine/enginetest"
)

// TestSimulation walks every scenario with the three models, those of racks with a ring
// in three of them, and every one with an engine that plans what it must not, with which the core must keep the laws
// all the same. It fails if a guard never had to refuse.
func TestSimulation(t *testing.T) {
	total, subjects, mu := enginetest.NewCoverage(), 0, sync.Mutex{}
	add := func(cov *enginetest.Coverage) {
		mu.Lock()
		defer mu.Unlock()
		total.Add(cov)
		subjects++
	}
	t.Run("models", func(t *testing.T) {
		for name, s := range map[string]enginetest.Subject{"raft": raftSet, "document": documentSet, "ring": ringSet} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				add(enginetest.Run(t, s))
			})
		}
		t.Run("in three racks", func(t *testing.T) {
			t.Parallel()
			add(walkInThree(t))
		})
		t.Run("reckless", func(t *testing.T) {
			t.Parallel()
			add(walkReckless(t))
		})
	})
	t.Logf("in all: %v", total)
	if subjects < 5 {
		t.Skipf("only %d of 5 subjects were walked, which cannot tell whether all guards refuse", subjects)
	}
	if guards := total.Uncovered(); len(guards) > 0 {
		t.Errorf("these guards never refused, so that nothing shows what they are for: %v", guards)
	}
}

// walkReckless walks every scenario with an engine that plans what it must
// not. Whether the set comes to rest is its own fault; the laws are the core's.
func walkReckless(t *testing.T) *enginetest.Coverage {
	total := enginetest.NewCoverage()
	for _, sc := range enginetest.Scenarios() {
		t.Run(sc.Name, func(t *testing.T) {
			sc.SafetyOnly = true
			cov, breach := enginetest.Explore(sc.With(recklessSet))
			if breach != nil {
				t.Error(breach)
			}
			total.Add(cov)
		})
	}
	return total
}

// TestMemory holds that a walk reaches the same whether everything is decided anew or
// not, where reports are false or missing, keys change, and pods come and go.
func TestMemory(t *testing.T) {
	for name, s := range map[string]enginetest.Subject{"raft": raftSet, "document": documentSet, "ring": ringSet} {
		for _, scenario := range []string{"lies", "key rotated and size", "stopped before it formed"} {
			t.Run(name+"/"+scenario, func(t *testing.T) {
				got, breach := enginetest.Explore(enginetest.Named(scenario).With(s))
				want, other := enginetest.ExploreAnew(enginetest.Named(scenario).With(s))
				if breach != nil || other != nil {
					t.Fatal(breach, other)
				}
				// Refusals are counted where they are decided on, which is less often.
				got.Took, got.Refused, want.Took, want.Refused = 0, nil, 0, nil
				if !reflect.DeepEqual(got, want) {
					t.Errorf("reached %v, and deciding anew %v", got, want)
				}
			})
		}
	}
}
