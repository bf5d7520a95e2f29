// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"maps"
	"math"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/agent/fence"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

func step(changes ...func(*engine.Step)) plan.Ask {
	s := engine.Step{
		Kind: engine.StepEvictDead, Member: "db-0", Subject: "db-2", SubjectID: "id-2", Term: 3,
		Params: map[string]string{"a": "1", "b": "2"}, Secrets: []string{"token"}, Why: "because", Cost: engine.Cost{Membership: true},
	}
	for _, change := range changes {
		change(&s)
	}
	return plan.Ask{Member: s.Member, PodUID: "p0", Step: &s}
}

// Asking twice is asking once: the name hangs on what is asked for alone.
func TestActionIDIsStable(t *testing.T) {
	want := actionID(step())
	for range 50 {
		again := step(func(s *engine.Step) {
			s.Params = maps.Clone(s.Params) // in whatever order
			s.Why, s.Cost, s.Secrets = "in other words", engine.Cost{}, nil
			s.Credentials = map[string]string{"token": "secret"}
		})
		if got := actionID(again); got != want {
			t.Fatalf("%s, then %s", want, got)
		}
	}
}

// What is another action has another name.
func TestActionIDTellsActionsApart(t *testing.T) {
	grant := func(kind engine.GrantKind, pod string) plan.Ask {
		return plan.Ask{Member: "db-0", PodUID: pod, Grant: &engine.Grant{Kind: kind, PodUID: pod}}
	}
	pod := step()
	pod.PodUID = "p9"
	asks := map[string]plan.Ask{
		"step":              step(),
		"another kind":      step(func(s *engine.Step) { s.Kind = engine.StepLeave }),
		"another subject":   step(func(s *engine.Step) { s.Subject = "db-1" }),
		"another identity":  step(func(s *engine.Step) { s.SubjectID = "id-9" }),
		"another term":      step(func(s *engine.Step) { s.Term = 4 }),
		"another value":     step(func(s *engine.Step) { s.Params["a"] = "2" }),
		"another parameter": step(func(s *engine.Step) { s.Params["c"] = "" }),
		"one parameter less": step(func(s *engine.Step) {
			s.Params = map[string]string{"a": `1","b"="2`}
		}),
		"another pod": pod,
		"form":        grant(engine.GrantForm, "p0"), "join": grant(engine.GrantJoin, "p0"), "join another": grant(engine.GrantJoin, "p1"),
	}
	seen := map[string]string{}
	for name, a := range asks {
		id := actionID(a)
		if before, taken := seen[id]; taken {
			t.Errorf("%s and %s are both %s", before, name, id)
		}
		seen[id] = name
	}
}

// An agent refuses what has too long a name, whatever else it is: the longest
// that there can be must pass.
func TestAgentsTakeTheLongestActionID(t *testing.T) {
	uid := strings.Repeat("u", 36)
	member := strings.Repeat("n", v1alpha1.MaxNameLength) + "-12"
	for _, kind := range []engine.StepKind{
		engine.StepBootstrap, engine.StepConfigure, engine.StepJoin, engine.StepPromote, engine.StepDemote,
		engine.StepStepDown, engine.StepLeave, engine.StepEvictDead,
	} {
		a := step(func(s *engine.Step) {
			s.Kind, s.Member, s.Subject, s.SubjectID, s.Term = kind, member, member, uid, math.MaxUint64
		})
		a.PodUID = uid
		refusal := fence.Check(fence.Own{Member: member, PodUID: uid, ClusterID: "c1"}, protocol.ActionRequest{
			ID: actionID(a), Epoch: 1, PodUID: uid, ClusterID: "c1", Step: a.Step,
		})
		if refusal != nil {
			t.Errorf("%s: %+v", actionID(a), *refusal)
		}
	}
}

func TestAgentAddress(t *testing.T) {
	for ip, want := range map[string]string{"10.0.0.1": "10.0.0.1:7743", "fd00::1": "[fd00::1]:7743"} {
		if got := agentAddress(&corev1.Pod{Status: corev1.PodStatus{PodIP: ip}}); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// credentialEngine has an engine's traits of two credentials.
type credentialEngine struct{ engine.Engine }

func (credentialEngine) Traits() engine.Traits {
	return engine.Traits{Credentials: []engine.Credential{
		{Key: "gossip", Format: engine.CredentialBase64, Mounted: true}, {Key: "management", Format: engine.CredentialUUID}, {Key: "other", Format: engine.CredentialUUID},
	}}
}

// asking is a pass that holds an epoch and credentials.
func asking() *pass {
	return &pass{
		kit:    engine.Kit{Engine: credentialEngine{}},
		ledger: &ledgerFile{ledger: &plan.Ledger{ClusterID: "c1", Epoch: 4}},
		secrets: &credentials{
			manager: &corev1.Secret{Data: map[string][]byte{"management": []byte("m"), "other": []byte("o")}},
			member:  &corev1.Secret{Data: map[string][]byte{"gossip": []byte("g"), "management": []byte("forged")}},
		},
	}
}

// A step carries the credentials that it names and no others, and what was
// planned is not changed by it: the plan is shown to people.
func TestRequest(t *testing.T) {
	a := step(func(s *engine.Step) { s.Secrets = []string{"management", "gossip"} })
	r := asking().request(a)
	if r.ID != actionID(a) || r.Epoch != 4 || r.PodUID != "p0" || r.ClusterID != "c1" || r.Grant != nil {
		t.Errorf("request %+v", r)
	}
	want := map[string]string{"management": "m", "gossip": "g"}
	if !maps.Equal(r.Step.Credentials, want) {
		t.Errorf("credentials %v", r.Step.Credentials)
	}
	if a.Step.Credentials != nil {
		t.Error("the plan holds credentials")
	}
	if r := asking().request(step(func(s *engine.Step) { s.Secrets = nil })); len(r.Step.Credentials) != 0 {
		t.Errorf("credentials that nobody named: %v", r.Step.Credentials)
	}
	g := &engine.Grant{Kind: engine.GrantJoin, PodUID: "p0"}
	if r := asking().request(plan.Ask{Member: "db-0", PodUID: "p0", Grant: g}); r.Step != nil || r.Grant != g {
		t.Errorf("request %+v", r)
	}
}

// A pod is replaced because it was made by hand only where it was.
func TestWhyReplaced(t *testing.T) {
	ours := &corev1.Pod{Spec: corev1.PodSpec{InitContainers: []corev1.Container{{Name: resource.AgentContainer}}}}
	for name, c := range map[string]struct {
		ledger plan.Ledger
		pod    *corev1.Pod
		want   string
	}{
		"stuck":                       {plan.Ledger{}, ours, "it cannot get on as it is"},
		"in a recovery":               {plan.Ledger{Recovery: &plan.Recovery{}}, ours, "the set is being recovered"},
		"by hand, in an adoption":     {plan.Ledger{Adoption: &plan.Adoption{}}, &corev1.Pod{}, "it was made by hand"},
		"stuck, ours, in an adoption": {plan.Ledger{Adoption: &plan.Adoption{}}, ours, "it cannot get on as it is"},
		"gone, in an adoption":        {plan.Ledger{Adoption: &plan.Adoption{}}, nil, "it cannot get on as it is"},
	} {
		if got := whyReplaced(&c.ledger, c.pod); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
