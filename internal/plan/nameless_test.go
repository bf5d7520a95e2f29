// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// threeServers is a formed set of Consul servers at rest.
func threeServers() plan.State {
	s := plan.State{
		Name: "db", Wanted: plan.Wanted{Replicas: 3, Template: "t"}, Set: &plan.Set{Replicas: 3, Template: "t"}, Epoch: 4, Retained: true,
		Budget: &plan.Budget{Closed: true, Epoch: 4},
		Ledger: &plan.Ledger{ClusterID: "c", Epoch: 4, FormationSize: 3, Formed: true, Members: map[string]plan.Entry{}},
	}
	view := &engine.View{Tolerance: 1}
	for i := range int32(3) {
		name, id, pod, claim := fmt.Sprintf("db-%d", i), fmt.Sprintf("id-%d", i), fmt.Sprintf("p%d", i), fmt.Sprintf("c%d", i)
		view.Peers = append(view.Peers, engine.Peer{ID: id, Name: name, Voter: true, Healthy: true})
		s.Ledger.Members[name] = plan.Entry{Grant: engine.GrantForm, PodUID: pod, ClaimUID: claim, ID: id, Joined: true}
		s.Members = append(s.Members, plan.Member{
			Name: name, Ordinal: i, Pod: &plan.Pod{UID: pod, Template: "t", Started: true, Ready: true}, Claim: &plan.Claim{UID: claim},
			Report: &engine.Report{
				Member: name, PodUID: pod, Volume: engine.VolumeMember, ClusterID: "c", ClaimUID: claim, Released: true, Epoch: 4,
				Server: engine.Server{Running: true, Serving: true, Formed: true, ID: id, Term: 3, Leader: i == 0, Facts: map[string]string{
					"acl": "Ready", "minQuorum": "2", "cleanupDeadServers": "false",
				}},
			},
		})
	}
	s.Members[0].Report.Server.View = view
	return s
}

// The membership may have forgotten the name of one that died: what is known to
// be lost stays known for as long as it is in the membership, and its successor
// waits until it has been evicted.
func TestALostIdentityIsRememberedWithoutItsName(t *testing.T) {
	s := threeServers()
	dead := &s.Members[0].Report.Server.View.Peers[2]
	dead.Name, dead.Healthy = "", false
	s.Members[2].Pod, s.Members[2].Claim, s.Members[2].Report = nil, nil, nil
	s.Ledger = plan.Next(consul.Engine{}, s).Ledger
	s.Members[2].Pod, s.Members[2].Claim = &plan.Pod{UID: "p9", Template: "t"}, &plan.Claim{UID: "c9"}
	s.Members[2].Report = &engine.Report{Member: "db-2", PodUID: "p9", Volume: engine.VolumeEmpty}
	asks := plan.Next(consul.Engine{}, s).Asks
	if len(asks) != 1 || asks[0].Kind() != engine.StepEvictDead || asks[0].Step.SubjectID != "id-2" || asks[0].Step.Subject != "db-2" {
		t.Fatalf("asked for %+v, want the eviction of id-2", asks)
	}
	s.Members[0].Report.Server.View.Peers = s.Members[0].Report.Server.View.Peers[:2]
	d := plan.Next(consul.Engine{}, s)
	if len(d.Asks) != 1 || d.Asks[0].Kind() != engine.StepGrant || len(d.Ledger.Members["db-2"].Lost) != 0 {
		t.Errorf("once it is gone: asked for %+v, the ledger has %+v", d.Asks, d.Ledger.Members["db-2"])
	}
}

// A member that leads and whose agent has begun its leave hands over, whoever
// else is not well: it cannot leave before, nor start again.
func TestWhoHasBegunToLeaveHandsOver(t *testing.T) {
	s := threeServers()
	s.Wanted.Replicas = 2
	first, last := &s.Members[0].Report.Server, &s.Members[2].Report.Server
	last.View, last.Leader, first.View, first.Leader = first.View, true, nil, false
	last.View.Peers[1].Healthy, s.Members[1].Report = false, nil
	s.Members[2].Report.Volume = engine.VolumeLeaving
	e := s.Ledger.Members["db-2"]
	e.Leaving = true
	s.Ledger.Members["db-2"] = e
	d := plan.Next(consul.Engine{}, s)
	if len(d.Asks) != 1 || d.Asks[0].Kind() != engine.StepStepDown || d.Asks[0].Member != "db-2" {
		t.Errorf("asked for %+v, plan %+v", d.Asks, d.Plan)
	}
}
