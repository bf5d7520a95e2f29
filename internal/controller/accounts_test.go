// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb/mongod"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// keeping is a pass over a formed set that has read the Secrets of its users.
func keepingPass(t *testing.T, c client.Client, remembered []string, users ...v1alpha1.MongoDBUser) *pass {
	t.Helper()
	p := renewer(t, c, "")
	p.kit = mongod.Kit()
	p.d.Spec.Engine, p.d.Spec.Version = v1alpha1.EngineMongoDB, "8.0"
	p.d.Spec.MongoDB = &v1alpha1.MongoDBSpec{Users: users}
	p.ledger.ledger.Formed, p.ledger.ledger.Accounts = true, remembered
	p.ledger.object = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "db-ledger", UID: "l"}}
	p.findings.decision.Ledger = p.ledger.ledger
	if err := p.readAccounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func kept(name string, ref ...v1alpha1.SecretKeyReference) v1alpha1.MongoDBUser {
	u := v1alpha1.MongoDBUser{Name: name, Database: "shop", Roles: []v1alpha1.MongoDBRole{{Role: "read"}}}
	if len(ref) > 0 {
		u.PasswordSecretRef = &ref[0]
	}
	return u
}

func secretOf(t *testing.T, c client.Client, name string) *corev1.Secret {
	t.Helper()
	var s corev1.Secret
	if err := c.Get(t.Context(), types.NamespacedName{Namespace: "ns", Name: name}, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func agreed(name, key, value string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Labels: map[string]string{v1alpha1.LabelConsent: v1alpha1.ConsentGiven}},
		Data:       map[string][]byte{key: []byte(value)},
	}
}

// A password is made once, and is in the Secret before anybody is told.
func TestAPasswordIsMadeOnce(t *testing.T) {
	c := certified(t)
	p := keepingPass(t, c, nil, kept("app"))
	if a := p.accounts(); !a.Pending || len(a.Known) > 0 || len(a.Problems) > 0 {
		t.Fatalf("before: %+v", a)
	}
	if err := p.keepAccounts(t.Context()); err != nil || !p.renewed {
		t.Fatalf("written %v, %v", p.renewed, err)
	}
	s := secretOf(t, c, "db-user-app")
	password := string(s.Data["password"])
	if len(password) != 44 || s.Type != "servicebinding.io/mongodb" || string(s.Data["username"]) != "app" || string(s.Data["database"]) != "shop" ||
		!strings.HasPrefix(string(s.Data["uri"]), "mongodb://app:") || !strings.Contains(string(s.Data["uri"]), "/shop?authSource=shop") {
		t.Errorf("the Secret is %s %v", s.Type, s.Data)
	}
	if controller := metav1.GetControllerOf(s); controller != nil || len(s.OwnerReferences) != 2 {
		t.Errorf("its owners are %v", s.OwnerReferences)
	}
	p = keepingPass(t, c, []string{"app"}, kept("app"))
	if a := p.accounts(); a.Pending || cmp.Diff([]string{"app"}, a.Known) != "" || len(a.Bare) > 0 {
		t.Errorf("after: %+v", a)
	}
	before := secretsOf(t, c)
	if err := p.keepAccounts(t.Context()); err != nil || p.renewed || cmp.Diff(before, secretsOf(t, c)) != "" {
		t.Errorf("at rest something is written: %v", err)
	}
	step := &engine.Step{Kind: engine.StepAccounts, Member: "db-0", Secrets: []string{engine.AccountKey("app")}, Accounts: &engine.AccountChange{Revision: "r"}}
	if got := p.request(plan.Ask{Member: "db-0", Step: step}).Step.Credentials; cmp.Diff(map[string]string{"account/app": password}, got) != "" {
		t.Error("the password does not travel with the step")
	}
	if id := actionID(plan.Ask{Step: step}); strings.Contains(id, password) || id == actionID(plan.Ask{Step: &engine.Step{Kind: engine.StepAccounts, Member: "db-0", Accounts: &engine.AccountChange{Revision: "s"}}}) {
		t.Error("another revision is the same action")
	}

	// Once somebody may have been told of it, a missing one is not made anew.
	if err := c.Delete(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	p = keepingPass(t, c, []string{"app"}, kept("app"))
	if a := p.accounts(); a.Pending || len(a.Known) > 0 || !strings.Contains(a.Problems["app"], "db-user-app") || !strings.Contains(a.Problems["app"], "restore") {
		t.Errorf("where it is missing: %+v", a)
	}
	if err := p.keepAccounts(t.Context()); err != nil || p.renewed {
		t.Errorf("another one is made: %v", err)
	}
}

// A user that is gone has its Secret emptied; put back, it gets another password.
func TestASecretIsEmptied(t *testing.T) {
	c := certified(t)
	if err := keepingPass(t, c, nil, kept("app")).keepAccounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := secretOf(t, c, "db-user-app")
	p := keepingPass(t, c, []string{"app"})
	if a := p.accounts(); len(a.Bare) > 0 || len(a.Wanted) > 0 {
		t.Fatalf("before: %+v", a)
	}
	p.findings.decision.EmptyAccounts = []string{"app"}
	if err := p.keepAccounts(t.Context()); err != nil || !p.renewed {
		t.Fatalf("written %v, %v", p.renewed, err)
	}
	if s := secretOf(t, c, "db-user-app"); len(s.Data) > 0 || s.UID != first.UID {
		t.Errorf("left is %v", s.Data)
	}
	if a := keepingPass(t, c, []string{"app"}).accounts(); cmp.Diff([]string{"app"}, a.Bare) != "" {
		t.Errorf("after: %+v", a)
	}
	if err := keepingPass(t, c, nil, kept("app")).keepAccounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := secretOf(t, c, "db-user-app"); len(s.Data["password"]) != 44 || string(s.Data["password"]) == string(first.Data["password"]) {
		t.Error("it has no other password")
	}
}

// A password of the user's is taken from a Secret whose owner agreed, and followed.
func TestAPasswordOfTheUsers(t *testing.T) {
	mute := agreed("mute", "password", "x")
	mute.Labels = nil
	c := certified(t, agreed("mine", "password", "p@ss"), agreed("line", "password", "p\n"), mute)
	ref := func(name, key string) v1alpha1.SecretKeyReference {
		return v1alpha1.SecretKeyReference{Name: name, Key: key}
	}
	users := []v1alpha1.MongoDBUser{
		kept("app", ref("mine", "")), kept("gone", ref("none", "password")), kept("key", ref("mine", "other")), kept("line", ref("line", "password")), kept("mute", ref("mute", "password")),
	}
	p := keepingPass(t, c, nil, users...)
	a := p.accounts()
	if names := slices.Sorted(maps.Keys(a.Problems)); cmp.Diff([]string{"gone", "key", "line", "mute"}, names) != "" || cmp.Diff([]string{"app"}, a.Known) != "" || a.Pending {
		t.Fatalf("known are %v, problems %v", a.Known, a.Problems)
	}
	for name, word := range map[string]string{"gone": "Secret none", "key": "key other", "line": "newline", "mute": v1alpha1.LabelConsent} {
		if !strings.Contains(a.Problems[name], word) {
			t.Errorf("%s: %s", name, a.Problems[name])
		}
	}
	if err := p.keepAccounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := secretOf(t, c, "db-user-app"); string(s.Data["password"]) != "p@ss" {
		t.Errorf("the Secret is %v", s.Data)
	}
	if !p.keeping.refers {
		t.Error("nobody looks at the Secret again")
	}
	mine := secretOf(t, c, "mine")
	mine.Data["password"] = []byte("changed")
	if err := c.Update(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	later := keepingPass(t, c, []string{"app"}, users...)
	if b := later.accounts(); b.Revision == a.Revision || strings.Contains(b.Revision, "changed") {
		t.Error("another password is the same revision")
	}
	if err := later.keepAccounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := secretOf(t, c, "db-user-app"); string(s.Data["password"]) != "changed" {
		t.Errorf("the Secret is %v", s.Data)
	}
	// What is missing is written again where the password is the user's own.
	if err := c.Delete(t.Context(), secretOf(t, c, "db-user-app")); err != nil {
		t.Fatal(err)
	}
	if err := keepingPass(t, c, []string{"app"}, users...).keepAccounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	secretOf(t, c, "db-user-app")
}

// A Secret that is somebody else's is left alone; one of the set that was given up
// for this one is written over.
func TestSecretsOfOthers(t *testing.T) {
	theirs := agreed("db-user-app", "password", "theirs")
	c := certified(t, theirs)
	p := keepingPass(t, c, nil, kept("app"))
	if a := p.accounts(); a.Pending || !strings.Contains(a.Problems["app"], "rename") {
		t.Errorf("got %+v", a)
	}
	if err := p.keepAccounts(t.Context()); err != nil || string(secretOf(t, c, "db-user-app").Data["password"]) != "theirs" {
		t.Errorf("it was touched: %v", err)
	}

	d := p.d.DeepCopy()
	former := resource.AccountSecret(d, "app", "c0", engine.Connection{Type: "mongodb", Password: "former"})
	c = certified(t, former)
	p = keepingPass(t, c, nil)
	p.ledger.ledger.Predecessor, p.d.Spec.MongoDB.Users = "c0", []v1alpha1.MongoDBUser{kept("app")}
	if err := p.readAccounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.keepAccounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := secretOf(t, c, "db-user-app"); s.Labels[resource.ClusterIDLabel] != "c1" || string(s.Data["password"]) == "former" {
		t.Errorf("it is %v %v", s.Labels, s.Data)
	}

	// Before the set has formed, and where the specification was refused, nothing is read.
	p = keepingPass(t, c, nil)
	p.ledger.ledger.Formed, p.keeping = false, nil
	if err := p.readAccounts(t.Context()); err != nil || p.accounts() != nil {
		t.Errorf("before the set has formed: %v", err)
	}
}

// guarded is a client whose API server lets no Secret of an account be written.
type guarded struct{ client.Client }

func (guarded) refuse(o client.Object) error {
	return apierrors.NewForbidden(corev1.Resource("secrets"), o.GetName(), errors.New("exceeded quota"))
}

func (g guarded) Create(_ context.Context, o client.Object, _ ...client.CreateOption) error {
	return g.refuse(o)
}

func (g guarded) Update(_ context.Context, o client.Object, _ ...client.UpdateOption) error {
	return g.refuse(o)
}

// A Secret that cannot be written keeps accounts from being told, and nothing else.
func TestASecretThatCannotBeWrittenHoldsUpNothingElse(t *testing.T) {
	for what, remembered := range map[string][]string{"of an account that is made": nil, "of one that is gone": {"app"}} {
		t.Run(what, func(t *testing.T) {
			c := certified(t)
			if len(remembered) > 0 {
				if err := keepingPass(t, c, nil, kept("app")).keepAccounts(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			users := []v1alpha1.MongoDBUser{kept("app")}
			if len(remembered) > 0 {
				users = nil
			}
			p := keepingPass(t, guarded{c}, remembered, users...)
			p.findings.decision.EmptyAccounts = remembered
			step, other := &engine.Step{Kind: engine.StepAccounts}, &engine.Step{Kind: engine.StepPromote}
			p.findings.decision.Asks = []plan.Ask{{Member: "db-0", Step: step}, {Member: "db-0", Step: other}}
			if err := p.keepAccounts(t.Context()); err != nil {
				t.Fatalf("the pass ends with %v", err)
			}
			if asks := p.findings.decision.Asks; len(asks) != 1 || asks[0].Step != other {
				t.Errorf("asked for are %+v", asks)
			}
			if err := p.tellOfAccounts(t.Context()); err != nil || p.findings.blocked == nil || p.findings.blocked.Reason != v1alpha1.ReasonAccountsRefused ||
				!strings.Contains(p.findings.blocked.Message, "exceeded quota") || !p.keeping.refers {
				t.Errorf("the user is told %+v (%v)", p.findings.blocked, err)
			}
		})
	}
}
