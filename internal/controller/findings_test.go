// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/test/wrappers"
)

// serving are the findings about a formed set of n members at rest, all of them
// healthy voters, the first of which leads.
func serving(n int32) *findings {
	f := &findings{
		datastore: wrappers.MakeDatastore("db").UID("u-db").Generation(7).Replicas(n).Obj(),
		quorum:    engine.Majority, decided: true,
		state: plan.State{
			Name: "db", Wanted: plan.Wanted{Replicas: n, Template: "t1"}, Set: &plan.Set{Replicas: n, Template: "t1"},
		},
	}
	l := &plan.Ledger{ClusterID: "c1", Epoch: 1, FormationSize: n, Formed: true, Image: "consul:1", Members: map[string]plan.Entry{}}
	a := engine.Assessment{
		Known: true, Formed: true, Serving: true, Usable: true, Term: 3, Leader: "db-0", Tolerance: int(n) - engine.Majority(int(n)),
	}
	for i := range n {
		name, uid := fmt.Sprintf("db-%d", i), fmt.Sprintf("p%d", i)
		id, claim := fmt.Sprintf("id-%d", i), fmt.Sprintf("c%d", i)
		server := engine.Server{Running: true, Serving: true, Formed: true, ID: id, Version: "1.22.3", Role: "follower"}
		f.state.Members = append(f.state.Members, plan.Member{
			Name: name, Ordinal: i,
			Pod:    &plan.Pod{UID: uid, Template: "t1", Started: true, Ready: true},
			Claim:  &plan.Claim{UID: claim},
			Report: &engine.Report{Member: name, PodUID: uid, Volume: engine.VolumeMember, Released: true, Server: server},
		})
		l.Members[name] = plan.Entry{Grant: engine.GrantForm, PodUID: uid, ClaimUID: claim, ID: id, Joined: true}
		a.Peers = append(a.Peers, engine.Peer{ID: id, Name: name, Voter: true, Healthy: true, Leader: i == 0, Version: "1.22.3"})
	}
	f.state.Ledger, f.ledger = l, l
	f.decision = plan.Decision{Ledger: l.Clone(), Shape: plan.Shape{Replicas: n, Members: n}, Assessment: a}
	return f
}

// forming are the findings about n founders that wait at their gates.
func forming(n int32) *findings {
	f := serving(n)
	f.ledger.Formed, f.ledger.FormationSize, f.ledger.Members = false, 0, nil
	f.decision.Ledger = f.ledger.Clone()
	f.decision.Assessment = engine.Assessment{Why: "no member reports that it leads"}
	f.decision.Plan = plan.Summary{Action: engine.StepGrant, Member: "db-2", Why: "form the set", BlockedBy: plan.GuardFounders, Message: "db-2 has not reported yet"}
	for i := range f.state.Members {
		m := &f.state.Members[i]
		m.Pod.Started, m.Pod.Ready = false, false
		m.Report.Volume, m.Report.Released, m.Report.Server = engine.VolumeEmpty, false, engine.Server{}
	}
	return f
}

// with changes findings.
func (f *findings) with(changes ...func(*findings)) *findings {
	for _, change := range changes {
		change(f)
	}
	return f
}

func paused(f *findings) { f.datastore.Spec.Paused = true }

func blocked(f *findings) {
	f.blocked = &plan.Finding{Reason: v1alpha1.ReasonConflict, Message: "Service db exists already"}
}

func stalledFor(reason string) func(*findings) {
	return func(f *findings) { f.decision.Stalled = &plan.Finding{Reason: reason, Message: "because of " + reason} }
}

// silent drops the reports of the members of these ordinals.
func silentMembers(ordinals ...int) func(*findings) {
	return func(f *findings) {
		for _, i := range ordinals {
			f.state.Members[i].Report = nil
		}
	}
}

// unknown has nothing be known of the membership.
func unknown(f *findings) {
	f.decision.Assessment = engine.Assessment{Formed: true, Why: "no member reports that it leads"}
}

// leaderOnly has a leader be known, and nothing else.
func leaderOnly(f *findings) { f.decision.Assessment.Leader = "db-0" }

// pod changes the pod of a member.
func pod(i int, change func(*plan.Pod)) func(*findings) {
	return func(f *findings) { change(f.state.Members[i].Pod) }
}

func noPod(i int) func(*findings) {
	return func(f *findings) { f.state.Members[i].Pod, f.state.Members[i].Report = nil, nil }
}

func stuck(p *plan.Pod) {
	p.Started, p.Ready, p.Stuck = false, false, "container server: ImagePullBackOff: not found"
}

// peer changes what the membership says of a member.
func peer(i int, change func(*engine.Peer)) func(*findings) {
	return func(f *findings) { change(&f.decision.Assessment.Peers[i]) }
}

func adopted(f *findings) { f.decision.Ledger.Adoption = &plan.Adoption{StatefulSet: "s"} }
