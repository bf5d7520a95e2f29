// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/plan"
)

func rotating(n, request int8) enginetest.Wanted {
	return enginetest.Wanted{Replicas: n, Rotate: request}
}

// TestRotation holds exactly what the manager does to rotate a key.
func TestRotation(t *testing.T) {
	whole := []string{
		"close", "ledger, Introduce key",
		"Add key by db-0", "Use key by db-0", "Promote key", "Forget key", "Remove key by db-0", "ledger, open",
	}
	play(t, []sequence{
		{"a key, once", func() []string {
			s := raftSet(3, rotating(3, 1))
			return append(append(s.Rest(), "-- the annotation stands"), s.Rest()...)
		}, append(slices.Clone(whole), "-- the annotation stands")},
		{"a request that was there before the set formed", func() []string {
			return raftSet(0, rotating(3, 1)).Rest()
		}, []string{
			"ledger, set of 3",
			"ledger, epoch on set, Grant/Form db-0, Grant/Form db-1, Grant/Form db-2",
			"ledger, open, Bootstrap db-0",
			"ledger",
		}},
		{"another request in the middle comes after the first", func() []string {
			s := raftSet(3, rotating(3, 1))
			out := append(s.Until("Use key"), "-- another request")
			return append(out, s.Change(rotating(3, 2)).Rest()...)
		}, append(append(slices.Clone(whole[:4]), "-- another request", "Promote key", "Forget key", "Remove key by db-0", "ledger, Introduce key"),
			"Add key by db-0", "Use key by db-0", "Promote key", "Forget key", "Remove key by db-0", "ledger, open")},
		{"what was begun is completed though it is not asked for any more", func() []string {
			s := raftSet(3, rotating(3, 1))
			out := append(s.Until("Introduce key"), "-- the annotation is removed")
			return append(out, s.Change(of(3)).Rest()...)
		}, append(append(slices.Clone(whole[:2]), "-- the annotation is removed"), whole[2:]...)},
		{"a crash before the Secret has the next key", func() []string {
			s := raftSet(3, rotating(3, 1))
			return append(s.CrashBefore("Introduce key"), s.Rest()...)
		}, append(append([]string{"close", "ledger, Introduce key (crash before Introduce key)"},
			"ledger, close, epoch on set", "Introduce key"), whole[2:]...)},
		{"a member that is silent holds it up", func() []string {
			s := raftSet(3, rotating(3, 1))
			out := append(s.Until("Add key"), "-- db-2 is silent")
			return append(out, s.Silence(2).Rest()...)
		}, append(slices.Clone(whole[:3]), "-- db-2 is silent", "blocked: "+plan.GuardKeysKnown)},
		{"a member that has lost its volume is replaced in the middle, and has what the others have", func() []string {
			s := raftSet(3, rotating(3, 1))
			out := append(s.Until("Use key"), "-- db-2 loses its volume")
			return append(out, s.LoseClaim(2).Rest()...)
		}, append(slices.Clone(whole[:4]), "-- db-2 loses its volume",
			"ledger, EvictDead db-2 by db-0", "ledger, Grant/Join db-2", "ledger, Use key by db-0", "Promote key", "Forget key", "Remove key by db-0", "ledger, open")},
		{"the size comes first", func() []string { return raftSet(3, rotating(4, 1)).Rest() }, append([]string{
			"close, set 3 to 4", "ledger, Grant/Join db-3", "ledger, Introduce key",
		}, whole[2:]...)},
	})
}

// rotatable is the set of threeServers with keys: those of the Secret, and those
// that each member has.
func rotatable(keys plan.Keys, rings ...[]string) plan.State {
	s := threeServers()
	s.Keys = &keys
	s.Wanted.Rotate = v1alpha1.Rotation{Name: "gossip-key", Word: "now"}
	s.Budget = &plan.Budget{Closed: true, Epoch: s.Ledger.Epoch}
	s.Epoch = s.Ledger.Epoch
	for i, ring := range rings {
		s.Members[i].Report.Server.Keys = ring
	}
	return s
}

// TestNextChangeOfKeys holds which change follows from which keys.
func TestNextChangeOfKeys(t *testing.T) {
	old, both, used, alone := []string{"a"}, []string{"a", "b"}, []string{"b", "a"}, []string{"b"}
	under := &plan.Rotation{Request: "gossip-key:now", From: "a"}
	for what, tt := range map[string]struct {
		keys     plan.Keys
		rotation *plan.Rotation
		rings    [][]string
		want     string
	}{
		"nothing yet":                              {plan.Keys{Current: "a"}, nil, [][]string{old, old, old}, "write Introduce"},
		"written down only":                        {plan.Keys{Current: "a"}, under, [][]string{old, old, old}, "write Introduce"},
		"in the Secret":                            {plan.Keys{Current: "a", Next: "b"}, under, [][]string{old, old, old}, "Add gossip-next"},
		"in the Secret, and not in the ledger":     {plan.Keys{Current: "a", Next: "b"}, nil, [][]string{old, old, old}, "Add gossip-next"},
		"one lacks it":                             {plan.Keys{Current: "a", Next: "b"}, under, [][]string{both, old, both}, "Add gossip-next"},
		"one lacks it, another uses it":            {plan.Keys{Current: "a", Next: "b"}, under, [][]string{used, old, both}, "Add gossip-next"},
		"all have it":                              {plan.Keys{Current: "a", Next: "b"}, under, [][]string{both, both, both}, "Use gossip-next"},
		"one uses the old one":                     {plan.Keys{Current: "a", Next: "b"}, under, [][]string{used, used, both}, "Use gossip-next"},
		"all use it":                               {plan.Keys{Current: "a", Next: "b"}, under, [][]string{used, used, used}, "write Promote"},
		"it is the present one, beside the former": {plan.Keys{Current: "b", Former: "a"}, under, [][]string{used, used, used}, "write Forget"},
		"one joined late using the former":         {plan.Keys{Current: "b", Former: "a"}, under, [][]string{used, used, both}, "Use gossip"},
		"the former, and not in the ledger":        {plan.Keys{Current: "b", Former: "a"}, nil, [][]string{used, used, used}, "write Forget"},
		"it is the present one":                    {plan.Keys{Current: "b"}, under, [][]string{used, used, used}, "Remove gossip"},
		"one came back using the other":            {plan.Keys{Current: "b"}, under, [][]string{both, used, used}, "Use gossip"},
		"one has the other yet":                    {plan.Keys{Current: "b"}, under, [][]string{alone, used, alone}, "Remove gossip"},
		"none has the other":                       {plan.Keys{Current: "b"}, under, [][]string{alone, alone, alone}, "done"},
		"one is unknown":                           {plan.Keys{Current: "b"}, under, [][]string{alone, alone, nil}, "blocked keys-known"},
		"an agent from before":                     {plan.Keys{Current: "a"}, nil, [][]string{nil, nil, nil}, "blocked keys-known"},
	} {
		t.Run(what, func(t *testing.T) {
			s := rotatable(tt.keys, tt.rings...)
			s.Ledger.Rotation = tt.rotation
			if got := told(plan.Next(consul.Engine{}, s)); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// What the Secret says was begun is completed, though the ledger is older than that
// and nobody asks for it any more.
func TestARotationThatTheLedgerForgot(t *testing.T) {
	s := rotatable(plan.Keys{Current: "a", Next: "b"}, []string{"b", "a"}, []string{"b", "a"}, []string{"b", "a"})
	s.Wanted.Rotate, s.Ledger.Rotated = v1alpha1.Rotation{}, "gossip-key:before"
	d := plan.Next(consul.Engine{}, s)
	if d.WriteKey != engine.KeyPromote || d.Ledger.Rotation == nil || d.Ledger.Rotation.From != "a" {
		t.Fatalf("%q is written, with %+v in the ledger", d.WriteKey, d.Ledger.Rotation)
	}
	s.Ledger, s.Keys = d.Ledger, &plan.Keys{Current: "b"}
	for i := range s.Members {
		s.Members[i].Report.Server.Keys = []string{"b"}
	}
	if d = plan.Next(consul.Engine{}, s); d.Ledger.Rotation != nil || d.Ledger.Rotated != "gossip-key:before" {
		t.Errorf("it ends with %+v, %q in the ledger", d.Ledger.Rotation, d.Ledger.Rotated)
	}
}

// A Secret that was restored from before a rotation is given to nobody who joins,
// and another rotation mends it.
func TestASecretFromBeforeARotation(t *testing.T) {
	fresh := []string{"b"}
	s := rotatable(plan.Keys{Current: "a"}, fresh, fresh)
	s.Wanted.Rotate = v1alpha1.Rotation{}
	delete(s.Ledger.Members, "db-2")
	s.Members[0].Report.Server.View.Peers = s.Members[0].Report.Server.View.Peers[:2]
	s.Members[2].Report = &engine.Report{Member: "db-2", PodUID: "p2", Volume: engine.VolumeEmpty, Mounts: map[string]string{"member/gossip": "a"}}
	d := plan.Next(consul.Engine{}, s)
	if d.Plan.BlockedBy != plan.GuardKeyMounted || !strings.Contains(d.Plan.Message, v1alpha1.AnnotationRotate) || len(d.Asks) > 0 {
		t.Fatalf("plan %+v, asks %+v", d.Plan, d.Asks)
	}
	s.Wanted.Rotate = v1alpha1.Rotation{Name: "gossip-key", Word: "again"}
	if d = plan.Next(consul.Engine{}, s); d.WriteKey != engine.KeyIntroduce {
		t.Errorf("a rotation does not mend it: %+v", d.Plan)
	}
	s.Keys.Current, s.Members[2].Report.Mounts["member/gossip"] = "b", "b"
	s.Wanted.Rotate = v1alpha1.Rotation{}
	if d = plan.Next(consul.Engine{}, s); len(d.Asks) != 1 || d.Asks[0].Grant == nil {
		t.Errorf("with the present key nobody is let join: %+v", d.Plan)
	}
}

// told tells in words what a decision does about keys.
func told(d plan.Decision) string {
	switch {
	case d.WriteKey != "":
		return "write " + string(d.WriteKey)
	case len(d.Asks) == 1 && d.Asks[0].Step != nil && d.Asks[0].Step.Kind == engine.StepRotateKey:
		return string(d.Asks[0].Step.Key.Phase) + " " + d.Asks[0].Step.Key.Credential
	case d.Plan.BlockedBy != "":
		return "blocked " + d.Plan.BlockedBy
	case d.Ledger.Rotation == nil && d.Ledger.Rotated == "gossip-key:now":
		return "done"
	}
	return "nothing"
}

// A request is told to be wrong where it is, and nothing else waits for it.
func TestARotationThatCannotBe(t *testing.T) {
	for what, change := range map[string]func(*plan.State){
		"of something else": func(s *plan.State) { s.Wanted.Rotate.Name = "root-password" },
		"that is not to be read": func(s *plan.State) {
			s.Wanted.Rotate, s.Wanted.RotateUnreadable = v1alpha1.Rotation{}, "annotation "+v1alpha1.AnnotationRotate+": no"
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := rotatable(plan.Keys{Current: "a"}, []string{"a"}, []string{"a"}, []string{"a"})
			change(&s)
			d := plan.Next(consul.Engine{}, s)
			if d.Stalled == nil || d.Stalled.Reason != v1alpha1.ReasonRotationRefused {
				t.Fatalf("stalled: %+v", d.Stalled)
			}
			for _, word := range []string{v1alpha1.AnnotationRotate, "gossip-key:WORD", "remove"} {
				if !strings.Contains(d.Stalled.Message, word) {
					t.Errorf("%q does not say %s", d.Stalled.Message, word)
				}
			}
			if d.WriteKey != "" || d.Ledger.Rotation != nil {
				t.Errorf("it is begun: %+v", d)
			}
			s.Wanted.Replicas = 2
			if d := plan.Next(consul.Engine{}, s); d.Plan.Action != engine.StepLeave && d.Plan.Action != engine.StepConfigure {
				t.Errorf("nothing else goes on: %+v", d.Plan)
			}
		})
	}
}

// A pod that was made from a StatefulSet of before the operator was upgraded has an
// agent that may not give its server the keys. It gets the present one first.
func TestAJoinerInARotationHasThePresentAgent(t *testing.T) {
	s := threeServers()
	s.Wanted.Agent, s.Wanted.Replicas, s.Set.Replicas, s.Set.Settled = "new", 4, 4, true
	for i := range s.Members {
		s.Members[i].Pod.Agent, s.Members[i].Pod.AgentSettled = "new", true
		s.Members[i].Report.Server.Keys = []string{"K2", "K1"}
	}
	s.Members[0].Report.Server.Facts["minQuorum"] = "3"
	s.Keys, s.Ledger.Rotation = &plan.Keys{Current: "K1", Next: "K2"}, &plan.Rotation{Request: "gossip-key:x", From: "K1"}
	s.Members = append(s.Members, plan.Member{
		Name: "db-3", Ordinal: 3, Address: "10.0.0.3", Pod: &plan.Pod{UID: "p3", Template: s.Wanted.Template, Agent: "old", AgentSettled: true},
		Claim:  &plan.Claim{UID: "c3"},
		Report: &engine.Report{Member: "db-3", PodUID: "p3", Volume: engine.VolumeEmpty, Mounts: map[string]string{"member/gossip": "K1", "member/gossip-next": "K2"}},
	})
	granted := func(d plan.Decision) bool {
		return slices.ContainsFunc(d.Asks, func(a plan.Ask) bool { return a.Grant != nil })
	}
	d := plan.Next(consul.Engine{}, s)
	if granted(d) || len(d.UpgradeAgents) != 1 || d.UpgradeAgents[0].Name != "db-3" {
		t.Errorf("asks %+v, agents changed %v", d.Asks, d.UpgradeAgents)
	}
	s.Members[3].Pod.Agent, s.Members[3].Pod.AgentSettled = "new", false
	if d := plan.Next(consul.Engine{}, s); granted(d) || len(d.UpgradeAgents) > 0 {
		t.Errorf("asks %+v, agents changed %v, while the agent is on its way", d.Asks, d.UpgradeAgents)
	}
	s.Members[3].Pod.AgentSettled = true
	if d := plan.Next(consul.Engine{}, s); !granted(d) {
		t.Errorf("asks %+v, blocked by %+v", d.Asks, d.Plan)
	}
}
