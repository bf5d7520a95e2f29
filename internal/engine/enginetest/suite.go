// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"os"
	"slices"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// CampaignVariable is the environment variable that, when it is set, widens
// the bounds of every scenario: minutes instead of seconds.
const CampaignVariable = "QUORATE_CAMPAIGN"

// Campaign tells whether the bounds are widened.
func Campaign() bool { return os.Getenv(CampaignVariable) != "" }

// Subject is an engine with a model of its servers.
type Subject struct {
	Engine engine.Engine
	// Model is the servers, before any has started. Its reports are in the
	// engine's words.
	Model Model
	// Racks has the members be in so many racks, up to three, with a StatefulSet for
	// each; 0 where they are in none.
	Racks int8
}

// Run is the contract suite: what every engine must pass, over a model of its
// server. It returns what was covered.
//
// An engine's package calls it in a test:
//
//	func TestContract(t *testing.T) {
//		enginetest.Run(t, enginetest.Subject{Engine: Engine{}, Model: raft.New(report)})
//	}
//
// where report puts what the model knows of a server into the words of the
// engine's own local half.
func Run(t *testing.T, s Subject) *Coverage {
	t.Helper()
	t.Run("reading", func(t *testing.T) { checkReading(t, s) })
	total := NewCoverage()
	for _, sc := range Scenarios() {
		sc.With(s)
		if _, applies := sc.rotates(); sc.Rotates != RotatesKey && !applies {
			continue
		}
		t.Run(sc.Name, func(t *testing.T) {
			cov, breach := Explore(sc)
			t.Log(cov)
			if breach != nil {
				t.Error(breach)
			}
			total.Add(cov)
		})
	}
	t.Run("random", func(t *testing.T) { total.Add(Wander(t, s)) })
	t.Logf("%T in all: %v", s.Engine, total)
	return total
}

// With fills in what a scenario leaves open, and returns it.
func (sc *Scenario) With(s Subject) *Scenario {
	sc.Engine, sc.Model, sc.racks = s.Engine, s.Model, s.Racks
	if c, has := sc.rotates(); has && c.Restarts && sc.Wanted.Rotate > 0 && !sc.Sampled {
		sc.narrow()
	}
	if sc.MaxStates == 0 {
		sc.MaxStates = 20_000_000
	}
	return sc
}

// narrow leaves less to happen in a rotation that is rollouts, which has many times
// the worlds: one volume is lost at most, and no pod beside.
func (sc *Scenario) narrow() {
	sc.Budget[ClaimLost], sc.Budget[PodDeleted] = min(sc.Budget[ClaimLost], 1), 0
}

// Named returns the scenario of the suite that has a name; nil for none.
func Named(name string) *Scenario {
	for _, sc := range Scenarios() {
		if sc.Name == name {
			return sc
		}
	}
	return nil
}

// Scenarios are those of the contract suite. All of each is walked, within its
// bounds.
func Scenarios() []*Scenario {
	three := Wanted{Replicas: 3}
	all := []*Scenario{
		{Name: "formation in every order", Members: 3, Wanted: three, Detours: AllOrders,
			Budget: Faults(map[Fault]int8{ClaimLost: 1, Crash: 1})},
		{Name: "formation, crashes and losses", Members: 3, Wanted: three,
			Budget: Faults(map[Fault]int8{ClaimLost: 2, Crash: 2})},
		{Name: "formation, another manager", Members: 3, Wanted: three, Detours: 1,
			Budget: Faults(map[Fault]int8{ClaimLost: 1, Linger: 1, Takeover: 1})},
		{Name: "formation on reports from before", Members: 3, Wanted: three, Executor: Executor{Unconfirmed: true},
			Budget: Faults(map[Fault]int8{ClaimLost: 2, Stale: 1})},
		{Name: "formation, changed midway", Members: 4, Wanted: three, Detours: 1,
			Changes: []Wanted{{Replicas: 1}, {Replicas: 4}, {Replicas: 3, Template: TemplateOther}},
			Budget:  Faults(map[Fault]int8{Change: 2, Crash: 1})},
		{Name: "formation, bad templates", Members: 3, Wanted: Wanted{Replicas: 3, Template: TemplateNoImage}, Detours: 1,
			Changes: []Wanted{{Replicas: 3}, {Replicas: 3, Template: TemplateNoNode}},
			Budget:  Faults(map[Fault]int8{Change: 2, Linger: 1, PodDeleted: 1})},
		{Name: "losses", Members: 3, Formed: 3, Wanted: three,
			Budget: Faults(map[Fault]int8{ClaimLost: 3, Crash: 1, Silence: 1})},
		{Name: "lies", Members: 3, Formed: 3, Wanted: three, Changes: []Wanted{{Replicas: 2}},
			Budget: Faults(map[Fault]int8{ClaimLost: 1, Garble: 1, Silence: 1, Change: 1})},
		{Name: "two crashes, stale, changed", Members: 4, Formed: 3, Wanted: Wanted{Replicas: 4}, Detours: 1,
			Changes: []Wanted{{Replicas: 3}, {Replicas: 4}},
			Budget:  Faults(map[Fault]int8{Crash: 2, Stale: 1, Change: 2, Adverse: 1})},
		{Name: "another manager, changed", Members: 4, Formed: 3, Wanted: Wanted{Replicas: 4}, Detours: 1,
			Changes: []Wanted{{Replicas: 3}, {Replicas: 4}},
			Budget:  Faults(map[Fault]int8{Linger: 1, Takeover: 1, Change: 2, Adverse: 1})},
		{Name: "three to five", Members: 5, Formed: 3, Wanted: Wanted{Replicas: 5},
			Budget: Faults(map[Fault]int8{Crash: 1, PodDeleted: 1, ClaimLost: 1})},
		{Name: "two to four", Members: 4, Formed: 2, Wanted: Wanted{Replicas: 4}, Changes: []Wanted{{Replicas: 2}},
			Budget: Faults(map[Fault]int8{Crash: 1, ServerKilled: 1, Change: 1})},
		{Name: "five to three and back", Members: 5, Formed: 5, Wanted: three, Changes: []Wanted{{Replicas: 5}},
			Budget: Faults(map[Fault]int8{Crash: 1, ClaimLost: 1, Adverse: 1, Change: 1})},
		{Name: "five to three and back, claims deleted", Members: 5, Formed: 5, Wanted: Wanted{Replicas: 3, DeleteScaled: true},
			Changes: []Wanted{{Replicas: 5, DeleteScaled: true}, {Replicas: 3}},
			Budget:  Faults(map[Fault]int8{Crash: 1, ClaimLost: 1, Change: 1})},
		{Name: "claims deleted, another manager", Members: 4, Formed: 3, Wanted: Wanted{Replicas: 2, DeleteScaled: true}, Detours: 1,
			Changes: []Wanted{{Replicas: 3, DeleteScaled: true}, {Replicas: 2, DeleteScaled: true}},
			Budget:  Faults(map[Fault]int8{Linger: 1, Takeover: 1, Change: 2})},
		{Name: "three to two", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 2}, Detours: 1,
			Budget: Faults(map[Fault]int8{Crash: 1, ClaimLost: 1, Adverse: 1, PodDeleted: 1})},
		{Name: "nodes lost, the user asked", Members: 3, Formed: 3, Wanted: three, Changes: []Wanted{{Replicas: 3, DeleteLost: true}},
			Budget: Faults(map[Fault]int8{NodeLost: 2, Change: 1, Crash: 1, Silence: 1})},
		{Name: "nodes lost, claims deleted", Members: 4, Formed: 3, Wanted: Wanted{Replicas: 3, DeleteLost: true},
			Changes: []Wanted{{Replicas: 2, DeleteLost: true, DeleteScaled: true}, {Replicas: 4, DeleteLost: true}, {Replicas: 3, DeleteLost: true, Template: TemplateOther}},
			Budget:  Faults(map[Fault]int8{NodeLost: 1, Change: 1, Crash: 1})},
		{Name: "rollout", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Template: TemplateOther}, Detours: 1,
			Budget: Faults(map[Fault]int8{Crash: 1, PodDeleted: 1, Adverse: 1})},
		{Name: "rollout, another manager", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Template: TemplateOther}, Changes: []Wanted{{Replicas: 3}},
			Budget: Faults(map[Fault]int8{Linger: 1, Takeover: 1, Change: 1, Adverse: 1})},
		{Name: "rollout, losses", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Template: TemplateOther},
			Budget: Faults(map[Fault]int8{ClaimLost: 1, ServerKilled: 1, Silence: 1, Crash: 1})},
		{Name: "rollout and size", Members: 4, Formed: 3, Wanted: Wanted{Replicas: 4, Template: TemplateOther},
			Changes: []Wanted{{Replicas: 2, Template: TemplateOther}, {Replicas: 3}, {Replicas: 2, AllowDowntime: true}},
			Budget:  Faults(map[Fault]int8{Crash: 1, Change: 2})},
		{Name: "rollout of what does not start", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Template: TemplateNoImage},
			Changes: []Wanted{{Replicas: 3}, {Replicas: 3, Template: TemplateOther}, {Replicas: 3, Template: TemplateNoNode}},
			Budget:  Faults(map[Fault]int8{Change: 2, Crash: 1, PodDeleted: 1})},
		{Name: "stopped and started", Members: 4, Formed: 3, Wanted: Wanted{Replicas: 3, Stopped: true},
			Changes: []Wanted{{Replicas: 3}, {Replicas: 4, Stopped: true}, {Replicas: 2, Template: TemplateOther}},
			Budget:  Faults(map[Fault]int8{Change: 2, Crash: 1, PodDeleted: 1})},
		{Name: "stopped before it formed", Members: 3, Wanted: Wanted{Replicas: 3, Stopped: true}, Changes: []Wanted{{Replicas: 3}},
			Budget: Faults(map[Fault]int8{Change: 2, Crash: 1})},
		{Name: "rollout and evictions", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Template: TemplateOther}, Detours: 2,
			Budget: Faults(map[Fault]int8{Evicted: 2, Crash: 1})},
		{Name: "size and evictions", Members: 4, Formed: 4, Wanted: three, Changes: []Wanted{{Replicas: 4}},
			Budget: Faults(map[Fault]int8{Evicted: 1, Crash: 1, Change: 1})},
		{Name: "evictions, another manager", Members: 4, Formed: 3, Wanted: three, Detours: 1, Changes: []Wanted{{Replicas: 4}, {Replicas: 3}},
			Budget: Faults(map[Fault]int8{Evicted: 1, Linger: 1, Takeover: 1, Change: 2})},
		{Name: "rollout of two", Members: 2, Formed: 2, Wanted: Wanted{Replicas: 2, Template: TemplateOther},
			Changes: []Wanted{{Replicas: 2, Template: TemplateOther, AllowDowntime: true}},
			Budget:  Faults(map[Fault]int8{Change: 1, Crash: 1, PodDeleted: 1})},
		{Name: "made anew over its claims", Members: 5, Formed: 5, Wanted: three, Prepare: (*World).Recreate,
			Budget: Faults(map[Fault]int8{Crash: 1, PodDeleted: 1})},
		{Name: "claims made anew over their volumes", Members: 4, Formed: 3, Wanted: three, Changes: []Wanted{{Replicas: 2}, {Replicas: 4}},
			Budget: Faults(map[Fault]int8{ClaimRemade: 1, ClaimLost: 1, Crash: 1, Change: 1})},
		{Name: "formation, claims made anew", Members: 3, Wanted: three,
			Budget: Faults(map[Fault]int8{ClaimRemade: 1, ClaimLost: 1, Crash: 1})},
		{Name: "majority lost, recovered", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Recover: true}, Detours: 1,
			Budget: Faults(map[Fault]int8{ClaimLost: 2, Crash: 1, PodDeleted: 1})},
		{Name: "majority lost, another manager", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Recover: true}, Detours: 1,
			Budget: Faults(map[Fault]int8{ClaimLost: 2, Linger: 1, Takeover: 1})},
		{Name: "majority on nodes that are lost", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Recover: true}, Changes: []Wanted{three},
			Budget: Faults(map[Fault]int8{NodeLost: 2, Crash: 1, Silence: 1, Change: 1})},
		{Name: "two of five are left, and one", Members: 5, Formed: 5, Wanted: Wanted{Replicas: 5, Recover: true}, Prepare: func(w *World) { w.deleteClaim(0); w.deleteClaim(1); w.deleteClaim(4) },
			Budget: Faults(map[Fault]int8{ClaimLost: 1, Crash: 1})},
		{Name: "all data lost, given up", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, StartEmpty: true}, Detours: 1, Changes: []Wanted{three, {Replicas: 3, StartEmpty: true}},
			Prepare: func(w *World) { w.deleteClaim(0); w.deleteClaim(1) },
			Budget:  Faults(map[Fault]int8{ClaimLost: 1, ClaimRemade: 1, Crash: 1, Change: 2})},
		{Name: "all data lost, given up, another manager", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, StartEmpty: true}, Detours: 1,
			Prepare: func(w *World) { w.deleteClaim(0); w.deleteClaim(1) },
			Budget:  Faults(map[Fault]int8{ClaimLost: 1, ClaimRemade: 1, Linger: 1, Takeover: 1})},
		{Name: "key rotated", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Rotate: 1}, Changes: []Wanted{{Replicas: 3, Rotate: 2}, three}, Detours: 1,
			Budget: Faults(map[Fault]int8{Crash: 1, ServerKilled: 1, Adverse: 1, Change: 1})},
		{Name: "key rotated, another manager", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Rotate: 1}, Changes: []Wanted{{Replicas: 3, Rotate: 2}}, Detours: 1,
			Budget: Faults(map[Fault]int8{Linger: 1, Takeover: 1, Change: 1})},
		{Name: "key rotated, losses", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Rotate: 1}, Detours: 1,
			Budget: Faults(map[Fault]int8{ClaimLost: 1, PodDeleted: 1, Silence: 1})},
		{Name: "key rotated and size", Members: 4, Formed: 3, Wanted: Wanted{Replicas: 4, Rotate: 1}, Detours: 1,
			Changes: []Wanted{{Replicas: 2, Rotate: 1}, {Replicas: 4, Rotate: 1}, {Replicas: 3, Rotate: 1, Template: TemplateOther}},
			Budget:  Faults(map[Fault]int8{Change: 1, Crash: 1})},
		{Name: "key rotated while one waits", Members: 4, Formed: 3, Wanted: Wanted{Replicas: 3, Rotate: 1}, Detours: 1,
			Changes: []Wanted{{Replicas: 4, Rotate: 1}},
			Budget:  Faults(map[Fault]int8{Change: 1, Silence: 1, ServerKilled: 1})},
		{Name: "key rotated before one joins that has mounted the former", Members: 4, Formed: 3, Wanted: Wanted{Replicas: 4, Rotate: 1}, Prepare: (*World).waitWithFormerKey,
			Budget: Faults(map[Fault]int8{ClaimLost: 1, Crash: 1})},
		{Name: "key rotated while kubelets are slow", Members: 4, Formed: 3, Wanted: Wanted{Replicas: 4, Rotate: 1}, Detours: 1,
			Budget: Faults(map[Fault]int8{SlowMount: 1, ClaimLost: 1})},
		{Name: "key rotated, another manager, losses", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Rotate: 1},
			Budget: Faults(map[Fault]int8{Linger: 1, Takeover: 1, ClaimLost: 2})},
		{Name: "agents' password rotated", Rotates: RotatesAgents, Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Rotate: 1}, Changes: []Wanted{{Replicas: 3, Rotate: 2}, three}, Detours: 1,
			Budget: Faults(map[Fault]int8{Crash: 1, ServerKilled: 1, Adverse: 1, Change: 1})},
		{Name: "agents' password rotated, another manager", Rotates: RotatesAgents, Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Rotate: 1}, Changes: []Wanted{{Replicas: 3, Rotate: 2}}, Detours: 1,
			Budget: Faults(map[Fault]int8{Linger: 1, Takeover: 1, Change: 1})},
		{Name: "agents' password rotated, losses", Rotates: RotatesAgents, Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Rotate: 1}, Detours: 1,
			Budget: Faults(map[Fault]int8{ClaimLost: 1, PodDeleted: 1, Silence: 1})},
		{Name: "agents' password rotated while kubelets are slow", Rotates: RotatesAgents, Members: 4, Formed: 3, Wanted: Wanted{Replicas: 4, Rotate: 1}, Detours: 1,
			Budget: Faults(map[Fault]int8{SlowMount: 1, ClaimLost: 1})},
		{Name: "agents' password rotated and size", Rotates: RotatesAgents, Members: 4, Formed: 3, Wanted: Wanted{Replicas: 4, Rotate: 1}, Detours: 1,
			Changes: []Wanted{{Replicas: 2, Rotate: 1}, {Replicas: 4, Rotate: 1}, {Replicas: 3, Rotate: 1, Template: TemplateOther}},
			Budget:  Faults(map[Fault]int8{Change: 1, Crash: 1})},
		{Name: "agents' password rotated before one joins that has mounted the former", Rotates: RotatesAgents, Members: 4, Formed: 3, Wanted: Wanted{Replicas: 4, Rotate: 1}, Prepare: (*World).waitWithFormerKey,
			Budget: Faults(map[Fault]int8{ClaimLost: 1, Crash: 1})},
		{Name: "administrator's password rotated", Rotates: RotatesAdministrators, Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Rotate: 1}, Changes: []Wanted{{Replicas: 3, Rotate: 2}, three}, Detours: 1,
			Budget: Faults(map[Fault]int8{Crash: 1, ServerKilled: 1, Adverse: 1, Change: 1})},
		{Name: "administrator's password rotated, another manager, losses", Rotates: RotatesAdministrators, Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3, Rotate: 1},
			Budget: Faults(map[Fault]int8{Linger: 1, Takeover: 1, ClaimLost: 1, Silence: 1})},
		{Name: "a foreign volume", Members: 3, Formed: 3, Wanted: three, Prepare: func(w *World) { w.MakeForeign(1) },
			Budget: Faults(map[Fault]int8{ClaimLost: 1, Crash: 1, Silence: 1})},
	}
	if Campaign() {
		for _, sc := range all {
			sc.widen()
		}
	}
	return all
}

// widen allows one detour and one crash more.
func (sc *Scenario) widen() {
	if sc.Detours != AllOrders {
		sc.Detours++
	}
	sc.Budget[Crash]++
	sc.MaxStates, sc.Sampled = 3_000_000, true
}

// Recreate deletes the resource and makes it anew: pods and StatefulSet are
// gone, claims and ledger are not.
func (w *World) Recreate() {
	for i := range w.members {
		if w.members[i].pod != 0 {
			w.endPod(i)
		}
	}
	w.set, w.manager = kubeSet{racks: w.set.racks}, manager{}
}

// MakeForeign puts another set's data in the place of a member's claim.
func (w *World) MakeForeign(i int) {
	w.endPod(i)
	w.endClaim(i)
	m := &w.members[i]
	m.claimSeq++
	m.claim = m.claimSeq
	m.volume.foreign = true
}

// Uncovered returns the guards that never refused.
func (c *Coverage) Uncovered() []string {
	names := []string{plan.GuardFounders, plan.GuardFormedOnce}
	for _, g := range plan.Guards {
		names = append(names, g.Name)
	}
	return slices.DeleteFunc(names, func(n string) bool { return c.Refused[n] > 0 })
}
