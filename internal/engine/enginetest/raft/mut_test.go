// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package raft_test

import (
	"os"
	"testing"

	. "github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/engine/enginetest/raft"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

func without(name string) func(engine.Engine, plan.State) plan.Decision {
	pl := plan.Planner{}
	for _, g := range plan.Guards {
		if g.Name != name {
			pl.Guards = append(pl.Guards, g)
		}
	}
	return pl.Next
}

func scs() []*Scenario {
	return []*Scenario{
		{Name: "form-faults", Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 3, Budget: Faults(map[Fault]int8{ClaimLost: 1, Crash: 1, Stale: 1})},
		{Name: "form-linger", Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 3, Budget: Faults(map[Fault]int8{ClaimLost: 1, Linger: 1, Takeover: 1})},
		{Name: "form-bad", Detours: 1, Wanted: Wanted{Replicas: 3, Template: TemplateNoImage}, Members: 3, Changes: []Wanted{{Replicas: 3}, {Replicas: 3, Template: TemplateNoNode}}, Budget: Faults(map[Fault]int8{Change: 2, Linger: 1, PodDeleted: 1})},
		{Name: "loss", Formed: 3, Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 3, Budget: Faults(map[Fault]int8{ClaimLost: 2, Crash: 1, Silence: 1})},
		{Name: "lies", Formed: 3, Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 3, Changes: []Wanted{{Replicas: 2}}, Budget: Faults(map[Fault]int8{ClaimLost: 1, Garble: 1, Silence: 1, Change: 1})},
		{Name: "up", Formed: 3, Detours: 1, Wanted: Wanted{Replicas: 5}, Members: 5, Budget: Faults(map[Fault]int8{Crash: 1, PodDeleted: 1, ClaimLost: 1})},
		{Name: "down", Formed: 3, Detours: 1, Wanted: Wanted{Replicas: 2}, Members: 3, Budget: Faults(map[Fault]int8{Crash: 1, ClaimLost: 1, PodDeleted: 1, Silence: 1})},
		{Name: "down5", Formed: 5, Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 5, Changes: []Wanted{{Replicas: 5}}, Budget: Faults(map[Fault]int8{Crash: 1, ClaimLost: 1,  Change: 1})},
		{Name: "change-linger", Formed: 3, Detours: 2, Wanted: Wanted{Replicas: 4}, Members: 4, Changes: []Wanted{{Replicas: 3}, {Replicas: 4}}, Budget: Faults(map[Fault]int8{Linger: 1, Takeover: 1, Change: 2, Adverse: 1})},
	}
}

func TestMutants(t *testing.T) {
	type mutant struct { name string; mut func(*Scenario) }
	var ms []mutant
	for _, g := range plan.Guards {
		ms = append(ms, mutant{g.Name, func(s *Scenario) { s.Decide = without(g.Name) }})
	}
	ms = append(ms, mutant{"formed", func(s *Scenario) { s.Decide = func(e engine.Engine, st plan.State) plan.Decision {
		if st.Ledger != nil { st.Ledger = st.Ledger.Clone(); st.Ledger.Formed = false }
		d := plan.Next(e, st)
		if d.Ledger != nil { d.Ledger.Formed = false }
		return d
	} }})
	ms = append(ms, mutant{"late", func(s *Scenario) { s.Executor.LedgerLate = true }})
	ms = append(ms, mutant{"unfenced", func(s *Scenario) { s.Executor.Unfenced = true }})
	ms = append(ms, mutant{"set", func(s *Scenario) { s.Executor.UncheckedSet = true }})
	ms = append(ms, mutant{"pods", func(s *Scenario) { s.Executor.UncheckedPods = true }})
	reckless := os.Getenv("RECK") != ""
	if reckless { ms = append([]mutant{{"nothing", func(*Scenario){}}}, ms...) }
	for _, m := range ms {
		caught := false
		for _, sc := range scs() {
			sc.Engine, sc.Model, sc.Decide, sc.MaxStates = raft.Engine{}, raft.New(raft.Report), plan.Next, 200_000
			if reckless { sc.Engine = raft.Reckless{} }
			m.mut(sc)
			cov, b := Explore(sc)
			if b != nil && cov.States < 200_000 {
				t.Logf("%s: %s %d %v: %s", m.name, sc.Name, cov.States, cov.Took, b.Law)
				caught = true
				break
			}
		}
		if !caught { t.Errorf("NOT CAUGHT %s", m.name) }
	}
}
