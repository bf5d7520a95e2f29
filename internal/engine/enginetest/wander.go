// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Wander walks at random where there is too much to walk all of: five members,
// every kind of fault, every order. After each walk the world must come to
// rest as it should, and serve without a manager if it can. There are as many walks
// as -rapid.checks says.
func Wander(t *testing.T, s Subject) *Coverage {
	t.Helper()
	cov := NewCoverage()
	cov.Complete = false
	rapid.Check(t, func(r *rapid.T) {
		sc := &Scenario{
			Name: "random", Members: 6, Formed: int8(rapid.SampledFrom([]int{0, 3, 5}).Draw(r, "formed")), Detours: AllOrders,
			Wanted:  Wanted{Replicas: int8(rapid.IntRange(1, 5).Draw(r, "wanted"))},
			Changes: []Wanted{{Replicas: 1}, {Replicas: 2}, {Replicas: 3}, {Replicas: 4}, {Replicas: 5}, {Replicas: 6}, {Replicas: 3, Template: TemplateOther}, {Replicas: 3, DeleteLost: true}, {Replicas: 4, DeleteLost: true, DeleteScaled: true}, {Replicas: 3, Recover: true}, {Replicas: 4, Recover: true, DeleteLost: true}, {Replicas: 3, Rotate: 1}, {Replicas: 4, Rotate: 2}, {Replicas: 3, Rotate: 3, DeleteLost: true}, {Replicas: 3, StartEmpty: true}},
			Budget: Faults(map[Fault]int8{
				Crash: 3, Linger: 2, Takeover: 1, PodDeleted: 3, Evicted: 2, ClaimLost: 2, ClaimDoomed: 1, ClaimRemade: 1, NodeLost: 1, ServerKilled: 2, Silence: 2, SlowMount: 1, Garble: 2, Stale: 1, Change: 3, Adverse: 2,
			}),
		}
		sc.With(s).refused = cov.refuse
		way, w := wander(r, sc, cov)
		if w.broken != "" {
			r.Fatalf("%v", &Breach{Scenario: fmt.Sprintf("%s from %d to %d", sc.Name, sc.Formed, sc.Wanted.Replicas), Law: w.broken, Way: way})
		}
	})
	t.Log(cov)
	return cov
}

// wander makes up to 120 steps, mostly what is due, and then lets the world
// come to rest.
func wander(r *rapid.T, sc *Scenario, cov *Coverage) (way []string, w *World) {
	w = sc.newWorld()
	tell := func(what string) { way = append(way, what+": "+w.describe()) }
	tell("at the beginning")
	for range rapid.IntRange(10, 120).Draw(r, "steps") {
		actions, p := w.actions(nil)
		cov.note(p)
		if w.broken != "" {
			return append(way, "decision: "+p.describe()), w
		}
		if len(actions) == 0 {
			break
		}
		a := choose(r, actions)
		w = w.after(a, p)
		cov.Steps++
		tell(a.String())
		if w.broken != "" {
			return append(way, "decision: "+p.describe()), w
		}
	}
	if alone := w.clone(); !alone.settlesAlone() {
		return append(way, "then without a manager: "+alone.describe()), alone
	}
	w.settle()
	if cov.Rests++; w.broken == "" {
		w.checkRest()
	}
	tell("then without faults")
	return way, w
}

// choose prefers what is due to what is not, since most faults in a row only
// break what was not built yet.
func choose(r *rapid.T, actions []Action) Action {
	due := 0
	for due < len(actions) && actions[due].Kind <= actPass {
		due++
	}
	if due > 0 && rapid.IntRange(0, 9).Draw(r, "due") < 7 {
		return actions[rapid.IntRange(0, due-1).Draw(r, "action")]
	}
	return actions[rapid.IntRange(0, len(actions)-1).Draw(r, "any")]
}
