// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// An agent that cannot start is given the present image whatever else is wrong,
// and no agent for being silent.
func TestAnAgentThatCannotStartGetsThePresentImage(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*plan.State)
		want   []string
	}{
		"it is silent":            {func(s *plan.State) { s.Members[1].Pod.AgentDown = false }, nil},
		"it cannot start":         {func(*plan.State) {}, []string{"db-1"}},
		"it has the present one":  {func(s *plan.State) { s.Members[1].Pod.Agent = "new" }, nil},
		"its pod is on its way":   {func(s *plan.State) { s.Members[1].Pod.Terminating = true }, nil},
		"nobody says which image": {func(s *plan.State) { s.Wanted.Agent = "" }, nil},
		"nobody knows the membership": {func(s *plan.State) {
			s.Members[0].Report, s.Members[2].Report = nil, nil
		}, []string{"db-1"}},
		"no agent can start": {func(s *plan.State) {
			for i := range s.Members {
				s.Members[i].Report, s.Members[i].Pod.AgentDown = nil, true
			}
		}, []string{"db-0", "db-1", "db-2"}},
		"the set has not formed": {func(s *plan.State) {
			s.Ledger = &plan.Ledger{ClusterID: s.Ledger.ClusterID}
			for i := range s.Members {
				s.Members[i].Report = nil
			}
		}, []string{"db-1"}},
		"its pod is replaced": {func(s *plan.State) {
			s.Members[1].Pod.Started, s.Members[1].Pod.Template = false, "former"
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := threeServers()
			s.Wanted.Agent = "new"
			for i := range s.Members {
				s.Members[i].Pod.Agent, s.Members[i].Pod.AgentSettled = "old", true
			}
			s.Members[1].Report, s.Members[1].Pod.AgentDown = nil, true
			c.change(&s)
			var got []string
			d := plan.Next(consul.Engine{}, s)
			for _, ref := range d.UpgradeAgents {
				got = append(got, ref.Name)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s%+v", diff, d.Plan)
			}
		})
	}
}
