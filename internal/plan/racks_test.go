// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/plan"
)

// looker is Consul, and notes where it was told that members are.
type looker struct {
	consul.Engine
	racks *[]string
}

func (l looker) Assess(have engine.Observation) engine.Assessment {
	*l.racks = nil
	for _, m := range have.Members {
		*l.racks = append(*l.racks, m.Rack)
	}
	return l.Engine.Assess(have)
}

// Racks are in the ledger from the start, and name the members; engines are told them,
// and nothing else is planned by them.
func TestRacksNameTheMembers(t *testing.T) {
	racks := []string{"z", "a"}
	s := plan.State{Name: "db", Racks: racks, NewClusterID: "c", Wanted: plan.Wanted{Replicas: 3, Template: "t"}}
	names := layout.New("db", racks...)
	for i := range int32(3) {
		s.Members = append(s.Members, plan.Member{
			Name: names.Member(i), Ordinal: i, Pod: &plan.Pod{UID: names.Member(i), Template: "t"}, Claim: &plan.Claim{UID: "c" + names.Member(i)},
			Report: &engine.Report{Member: names.Member(i), PodUID: names.Member(i), Volume: engine.VolumeEmpty},
		})
	}
	var seen []string
	d := plan.Next(looker{racks: &seen}, s)
	if !slices.Equal(d.Ledger.Racks, racks) || !slices.Equal(seen, []string{"z", "a", "z"}) {
		t.Errorf("the ledger has the racks %v, and the engine was told %v", d.Ledger.Racks, seen)
	}
	var asked []string
	for _, a := range d.Asks {
		asked = append(asked, a.Member)
		if !slices.Equal(a.Grant.Founders, []string{"db-rack-z-0", "db-rack-a-0", "db-rack-z-1"}) {
			t.Errorf("%s is to form with %v", a.Member, a.Grant.Founders)
		}
	}
	if len(asked) != 3 || asked[1] != "db-rack-a-0" {
		t.Errorf("asked are %v: %+v", asked, d.Plan)
	}
	other := d.Ledger.Clone()
	other.Racks = []string{"a", "z"}
	if d.Ledger.Equal(other) {
		t.Error("another order is not noticed")
	}
}
