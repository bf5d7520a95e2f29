// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"maps"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul/consulagent"
	"github.com/quorate/quorate/internal/engine/mongodb/mongod"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// keyed is a pass that has read the Secrets, of which the members' has a key, and
// decided on a phase.
func keyed(t *testing.T, c client.Client, phase engine.KeyPhase) *pass {
	t.Helper()
	p := renewer(t, c, "")
	p.kit = consulagent.Kit()
	p.findings.decision.WriteKey, p.findings.decision.KeyOf = phase, "gossip"
	return p
}

// withKey is an API server with the Secrets, and the key in the members'.
func withKey(t *testing.T) client.Client {
	t.Helper()
	c := certified(t)
	var s corev1.Secret
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: resource.MemberSecretName("db")}, &s); err != nil {
		t.Fatal(err)
	}
	s.Data["gossip"] = []byte("old")
	if err := c.Update(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
	return c
}

// The Secret has the next key beside the present one, then alone; nothing else in it
// changes, and no more is written than that.
func TestAKeyIsRotatedInTheSecret(t *testing.T) {
	c := withKey(t)
	before := keyed(t, c, "").secrets.member.Data
	p := keyed(t, c, "")
	if err := p.rotateKey(t.Context()); err != nil || p.renewed {
		t.Fatalf("without a phase: %v, written %v", err, p.renewed)
	}
	if got, want := p.keys(), (plan.Keys{Current: engine.KeyHash([]byte("old"))}); *got != want {
		t.Errorf("the keys are %+v, want %+v", *got, want)
	}
	p = keyed(t, c, engine.KeyIntroduce)
	if err := p.rotateKey(t.Context()); err != nil || !p.renewed {
		t.Fatalf("introduced: %v, written %v", err, p.renewed)
	}
	next := keyed(t, c, "").secrets.member.Data["gossip-next"]
	if len(next) != 44 || slices.Equal(next, before["gossip"]) {
		t.Errorf("the next key is %q", next)
	}
	if got, want := p.keys(), (plan.Keys{Current: engine.KeyHash([]byte("old")), Next: engine.KeyHash(next)}); *got != want {
		t.Errorf("the keys are %+v, want %+v", *got, want)
	}
	if got := p.secrets.values(p.kit.Engine.Traits().Credentials)["gossip-next"]; !slices.Equal(got, next) {
		t.Errorf("a step would be sent with %q", got)
	}
	p = keyed(t, c, engine.KeyPromote)
	if err := p.rotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := p.keys(), (plan.Keys{Current: engine.KeyHash(next), Former: engine.KeyHash([]byte("old"))}); *got != want {
		t.Errorf("the keys are %+v, want %+v", *got, want)
	}
	if err := keyed(t, c, engine.KeyForget).rotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(before)
	want["gossip"] = next
	if got := keyed(t, c, "").secrets.member.Data; !maps.EqualFunc(got, want, slices.Equal[[]byte]) {
		t.Errorf("the Secret has the keys %v", slices.Sorted(maps.Keys(got)))
	}
}

// A manager that was overtaken between its decision and its write writes nothing,
// whatever was done since.
func TestAFrozenManagerRotatesNoKey(t *testing.T) {
	phases := []engine.KeyPhase{engine.KeyIntroduce, engine.KeyPromote, engine.KeyForget, engine.KeyIntroduce, engine.KeyPromote, engine.KeyForget}
	for at := range 3 {
		for since := at; since < len(phases); since++ {
			c := withKey(t)
			for _, phase := range phases[:at] {
				if err := keyed(t, c, phase).rotateKey(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			frozen := keyed(t, c, phases[at])
			for _, phase := range phases[at : since+1] {
				if err := keyed(t, c, phase).rotateKey(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			before := secretsOf(t, c)
			if err := frozen.rotateKey(t.Context()); !apierrors.IsConflict(err) || frozen.renewed {
				t.Errorf("frozen at %d, with writes up to %d since: %v", at, since, err)
			}
			if !maps.Equal(before, secretsOf(t, c)) {
				t.Errorf("frozen at %d, with writes up to %d since: it wrote", at, since)
			}
		}
	}
}

// Two phases, or two keys, are two actions to an agent.
func TestEachChangeOfKeysIsAnActionOfItsOwn(t *testing.T) {
	seen := map[string]engine.KeyChange{}
	for _, c := range []engine.KeyChange{
		{Phase: engine.KeyAdd, Credential: "gossip-next", Hash: "b"}, {Phase: engine.KeyUse, Credential: "gossip-next", Hash: "b"},
		{Phase: engine.KeyUse, Credential: "gossip", Hash: "b"}, {Phase: engine.KeyAdd, Credential: "gossip-next", Hash: "c"},
	} {
		id := actionID(plan.Ask{Member: "db-0", PodUID: "p", Step: &engine.Step{Kind: engine.StepRotateKey, Member: "db-0", Key: &c}})
		if other, taken := seen[id]; taken {
			t.Errorf("%+v and %+v are both %s", c, other, id)
		}
		seen[id] = c
	}
}

// Where all have read both keys, none is kept for who has only the former: a server
// takes two.
func TestAKeyThatIsReadAtTheStartLeavesNoFormer(t *testing.T) {
	c := withKey(t)
	var s corev1.Secret
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: resource.MemberSecretName("db")}, &s); err != nil {
		t.Fatal(err)
	}
	s.Data["keyfile"], s.Data["keyfile-next"] = []byte("old"), []byte("new")
	if err := c.Update(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
	p := keyed(t, c, engine.KeyPromote)
	p.kit, p.findings.decision.KeyOf = mongod.Kit(), "keyfile"
	if err := p.rotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := p.keys(), (plan.Keys{Current: engine.KeyHash([]byte("new"))}); *got != want {
		t.Errorf("the keys are %+v, want %+v", *got, want)
	}
}

// Each password is in the Secret of whoever needs it, the next one beside it and then
// alone: there is no former one. A step that names one brings both along.
func TestAPasswordIsRotatedInItsSecret(t *testing.T) {
	for key, in := range map[string]string{"agent-password": resource.MemberSecretName("db"), "admin-password": resource.ManagerSecretName("db")} {
		t.Run(key, func(t *testing.T) {
			c := certified(t)
			var s corev1.Secret
			if err := c.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: in}, &s); err != nil {
				t.Fatal(err)
			}
			s.Data[key] = []byte("old")
			if err := c.Update(t.Context(), &s); err != nil {
				t.Fatal(err)
			}
			rotating := func(phase engine.KeyPhase) *pass {
				p := keyed(t, c, phase)
				p.kit, p.findings.decision.KeyOf = mongod.Kit(), key
				return p
			}
			frozen, p := rotating(engine.KeyIntroduce), rotating(engine.KeyIntroduce)
			if err := p.rotateKey(t.Context()); err != nil || !p.renewed {
				t.Fatalf("introduced: %v, written %v", err, p.renewed)
			}
			if err := frozen.rotateKey(t.Context()); !apierrors.IsConflict(err) {
				t.Errorf("a manager that was overtaken: %v", err)
			}
			next := string(rotating("").secrets.values(p.kit.Engine.Traits().Credentials)[engine.NextKey(key)])
			want := map[string]plan.Keys{key: {Current: engine.KeyHash([]byte("old")), Next: engine.KeyHash([]byte(next))}}
			if got := p.passwords(); len(next) != 44 || !maps.Equal(got, want) {
				t.Errorf("the passwords are %+v, the next is %q", got, next)
			}
			sent := p.request(plan.Ask{Member: "db-0", Step: &engine.Step{Kind: engine.StepAccounts, Secrets: []string{key}}}).Step.Credentials
			if !maps.Equal(sent, map[string]string{key: "old", engine.NextKey(key): next}) {
				t.Errorf("a step is sent with %v", sent)
			}
			if err := rotating(engine.KeyPromote).rotateKey(t.Context()); err != nil {
				t.Fatal(err)
			}
			p = rotating("")
			if got := p.passwords(); !maps.Equal(got, map[string]plan.Keys{key: {Current: engine.KeyHash([]byte(next))}}) {
				t.Errorf("promoted, the passwords are %+v", got)
			}
			sent = p.request(plan.Ask{Member: "db-0", Step: &engine.Step{Kind: engine.StepAccounts, Secrets: []string{key}}}).Step.Credentials
			if !maps.Equal(sent, map[string]string{key: next}) {
				t.Errorf("afterwards a step is sent with %v", sent)
			}
		})
	}
}
