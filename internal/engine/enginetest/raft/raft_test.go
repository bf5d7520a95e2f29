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
		{Name: "form-all-orders", Detours: AllOrders, Wanted: Wanted{Replicas: 3}, Members: 3},
		{Name: "form-crash", Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 3, Budget: Faults(map[Fault]int8{Crash: 2, ClaimLost: 1})},
		{Name: "form-all-orders-loss", Detours: AllOrders, Wanted: Wanted{Replicas: 3}, Members: 3, Budget: Faults(map[Fault]int8{ClaimLost: 1, Crash: 1})},
		{Name: "form-stale", Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 3, Budget: Faults(map[Fault]int8{ClaimLost: 1, Stale: 1})},
		{Name: "form-linger", Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 3, Budget: Faults(map[Fault]int8{ClaimLost: 1, Linger: 1, Takeover: 1})},
		{Name: "loss", Formed: 3, Detours: 1, Wanted: Wanted{Replicas: 3}, Members: 3, Budget: Faults(map[Fault]int8{ClaimLost: 2, Crash: 1, Silence: 1})},
		{Name: "up", Formed: 3, Detours: 1, Wanted: Wanted{Replicas: 5}, Members: 5, Budget: Faults(map[Fault]int8{Crash: 1, PodDeleted: 1})},
		{Name: "down", Formed: 3, Detours: 1, Wanted: Wanted{Replicas: 2}, Members: 3, Budget: Faults(map[Fault]int8{Crash: 1, ClaimLost: 1, Adverse: 1})},
		{Name: "change", Formed: 3, Detours: 1, Wanted: Wanted{Replicas: 4}, Members: 4, Changes: []Wanted{{Replicas: 3}, {Replicas: 4}}, Budget: Faults(map[Fault]int8{Crash: 1, Change: 2, Adverse: 1})},
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
