// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// lame is a set of three in the middle of a rollout whose first pod runs with the
// changed template and does not get well.
func lame() plan.State {
	s := threeServers()
	s.Wanted.Template, s.Set.Template, s.Set.Settled = "changed", "changed", true
	m := &s.Members[2]
	m.Pod.Template, m.Pod.Ready, m.Pod.Failed = "changed", false, "its server runs and has not been ready for 10m0s"
	m.Report.Server.Serving = false
	s.Members[0].Report.Server.View.Peers[2].Healthy = false
	s.Members[0].Report.Server.View.Tolerance = 0
	return s
}

func TestAServerThatRunsAndDoesNotGetWellStopsTheRollout(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*plan.State)
		stops  bool
	}{
		"it does not":                 {func(*plan.State) {}, true},
		"it has had no time":          {func(s *plan.State) { s.Members[2].Pod.Failed = "" }, false},
		"its agent is silent":         {func(s *plan.State) { s.Members[2].Report = nil }, false},
		"nobody knows the membership": {func(s *plan.State) { s.Members[0].Report.Server.View = nil }, false},
		"it is well, and not ready": {func(s *plan.State) {
			s.Members[2].Report.Server.Serving = true
			s.Members[0].Report.Server.View.Peers[2].Healthy = true
		}, false},
		"nobody has the former any more": {func(s *plan.State) {
			for i := range s.Members {
				s.Members[i].Pod.Template = "changed"
			}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := lame()
			c.change(&s)
			d := plan.Next(consul.Engine{}, s)
			if stopped := d.Ledger.Failed == "changed"; stopped != c.stops || d.Shape.Restore != c.stops {
				t.Errorf("failed %q, restored %v", d.Ledger.Failed, d.Shape.Restore)
			}
			if c.stops && len(d.Replace) > 0 {
				t.Errorf("replaces %v before the template is put back", d.Replace)
			}
		})
	}
}

func TestAServerThatDidNotGetWellIsReplacedWithTheFormerTemplate(t *testing.T) {
	s := lame()
	s.Ledger = plan.Next(consul.Engine{}, s).Ledger
	s.Set.Template = "t"
	d := plan.Next(consul.Engine{}, s)
	if len(d.Replace) != 1 || d.Replace[0].Name != "db-2" || d.Shape.WriteTemplate {
		t.Fatalf("replaces %v, template written %v; %+v", d.Replace, d.Shape.WriteTemplate, d.Plan)
	}
	s.Members[2].Pod.Template, s.Members[2].Pod.UID, s.Ledger = "t", "another", d.Ledger
	if d := plan.Next(consul.Engine{}, s); len(d.Replace) > 0 || d.Stalled == nil {
		t.Errorf("replaces %v, stalled %+v, once it has the former template", d.Replace, d.Stalled)
	}
	// The others are left as they are.
	s = lame()
	s.Ledger = plan.Next(consul.Engine{}, s).Ledger
	s.Set.Template, s.Members[1].Pod.Template = "t", "changed"
	if d := plan.Next(consul.Engine{}, s); len(d.Replace) != 1 || d.Replace[0].Name != "db-2" {
		t.Errorf("replaces %v", d.Replace)
	}
}
