// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package raft_test

import (
	"testing"

	. "github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/engine/enginetest/raft"
	"github.com/quorate/quorate/internal/plan"
)

func TestExplore(t *testing.T) {
	for _, sc := range []*Scenario{
		{Name: "form", Detours: AllOrders, Wanted: Wanted{Replicas: 3}, Members: 3, Budget: Faults(map[Fault]int8{ClaimLost: 2, Crash: 1})},
		{Name: "form-faults", Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 3, Budget: Faults(map[Fault]int8{ClaimLost: 2, Crash: 2, Stale: 1})},
		{Name: "form-linger", Detours: 2, Wanted: Wanted{Replicas: 3}, Members: 3, Budget: Faults(map[Fault]int8{ClaimLost: 2, Linger: 1, Takeover: 1, Stale: 1})},
		{Name: "form-change", Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 4, Changes: []Wanted{{Replicas: 1}, {Replicas: 4}, {Replicas: 3, Template: TemplateOther}}, Budget: Faults(map[Fault]int8{Change: 2, Crash: 1})},
		{Name: "form-bad", Detours: 1, Wanted: Wanted{Replicas: 3, Template: TemplateNoImage}, Members: 3, Changes: []Wanted{{Replicas: 3}, {Replicas: 3, Template: TemplateNoNode}}, Budget: Faults(map[Fault]int8{Change: 2, Crash: 1, PodDeleted: 1})},
		{Name: "loss", Formed: 3, Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 3, Budget: Faults(map[Fault]int8{ClaimLost: 3, Crash: 1, Silence: 1})},
		{Name: "lies", Formed: 3, Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 3, Changes: []Wanted{{Replicas: 2}}, Budget: Faults(map[Fault]int8{ClaimLost: 1, Garble: 1, Silence: 1, Stale: 1, Change: 1})},
		{Name: "up", Formed: 3, Detours: 1, Wanted: Wanted{Replicas: 5}, Members: 5, Budget: Faults(map[Fault]int8{Crash: 2, PodDeleted: 1, ClaimLost: 1})},
		{Name: "down", Formed: 3, Detours: 2, Wanted: Wanted{Replicas: 2}, Members: 3, Budget: Faults(map[Fault]int8{Crash: 1, ClaimLost: 1, Adverse: 1, PodDeleted: 1, ServerKilled: 1})},
		{Name: "down5", Formed: 5, Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 5, Changes: []Wanted{{Replicas: 5}}, Budget: Faults(map[Fault]int8{Crash: 1, ClaimLost: 1, Adverse: 1, Change: 1})},
		{Name: "change", Formed: 3, Detours: 2, Wanted: Wanted{Replicas: 4}, Members: 4, Changes: []Wanted{{Replicas: 3}, {Replicas: 4}}, Budget: Faults(map[Fault]int8{Crash: 2, Stale: 1, Change: 2})},
		{Name: "change-linger", Formed: 3, Detours: 2, Wanted: Wanted{Replicas: 4}, Members: 4, Changes: []Wanted{{Replicas: 3}, {Replicas: 4}}, Budget: Faults(map[Fault]int8{Linger: 1, Takeover: 1, Change: 2, Adverse: 1, Stale: 1})},
	} {
		sc.Engine, sc.Model, sc.Decide, sc.MaxStates = raft.Engine{}, raft.New(raft.Report), plan.Next, 2_000_000
		t.Run(sc.Name, func(t *testing.T) {
			cov, b := Explore(sc)
			t.Log(cov)
			if b != nil {
				t.Error(b)
			}
		})
	}
}
