// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/consulagent"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

// asked is the annotation by which a Datastore here asks for accounts, separated by
// commas. One that ends in a star has its password in the Secret that is named after it.
const asked = "example.com/accounts"

// bookkeeper is Consul with accounts.
type bookkeeper struct{ consul.Engine }

func (bookkeeper) Accounts(d *v1alpha1.Datastore) (out []engine.Account) {
	for _, name := range strings.FieldsFunc(d.Annotations[asked], func(r rune) bool { return r == ',' }) {
		a := engine.Account{Name: strings.TrimSuffix(name, "*")}
		if a.Name != name {
			a.Password = &v1alpha1.SecretKeyReference{Name: a.Name, Key: "password"}
		}
		out = append(out, a)
	}
	return out
}

func (e bookkeeper) AccountStep(have engine.Observation) (engine.Step, bool) {
	a := e.Assess(have)
	return engine.Step{Member: a.Leader, Term: a.Term}, a.Known
}

func (bookkeeper) AccountConnection(_ *v1alpha1.Datastore, host string, a engine.Account, password string) engine.Connection {
	return engine.Connection{Type: "consul", Host: host, Username: a.Name, Password: password}
}

func withAccounts(o *operator.Options) {
	kit := consulagent.Kit()
	kit.Engine = bookkeeper{}
	o.Kit = &kit
}

func ask(ctx context.Context, d *v1alpha1.Datastore, accounts string) {
	GinkgoHelper()
	ExpectAnnotated(ctx, d, asked, accounts)
}

var _ = Describe("The accounts that the operator keeps", func() {
	It("are made, told and dropped, each once, and nothing is written at rest", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx, withAccounts)
		d := s.Sample("db").Obj()
		Formed(ctx, d)
		ExpectRest(op.Wire)
		op.Wire.Forget()

		ask(ctx, d, "app,other")
		Eventually(func() map[string]string { return World.Accounts(s.Key("db")) }).Should(HaveLen(2))
		password := string(holds(ctx, s, "db-user-app")["password"])
		Expect(World.Accounts(s.Key("db"))).To(HaveKeyWithValue("app", password))
		ExpectObjectReconciled(ctx, d)
		ExpectRestOnce(op.Wire)
		Expect(wire.Count(op.Wire.Writes())["create secrets"]).To(Equal(2))

		ask(ctx, d, "other")
		Eventually(func() map[string][]byte { return holds(ctx, s, "db-user-app") }).Should(BeEmpty())
		Expect(World.Accounts(s.Key("db"))).To(HaveLen(1))
		ExpectRest(op.Wire)

		// A Secret that is lost is told of, and put right by whoever has it.
		var lost corev1.Secret
		Expect(s.Get(ctx, "db-user-other", &lost)).To(Succeed())
		Expect(API.Delete(ctx, &lost)).To(Succeed())
		ask(ctx, d, "other,")
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonAccountsRefused, "db-user-other", "restore"))
		Expect(World.Accounts(s.Key("db"))).To(HaveKeyWithValue("other", string(lost.Data["password"])))
		lost.ResourceVersion, lost.UID = "", ""
		Expect(API.Create(ctx, &lost)).To(Succeed())
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonNotStalled))
		Expect(World.Accounts(s.Key("db"))).To(HaveKeyWithValue("other", string(lost.Data["password"])))
	})

	It("have the password that is in a Secret of the user's, if its owner agrees", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx, withAccounts)
		d := s.Sample("db").Obj()
		Formed(ctx, d)
		mine := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "app"}, Data: map[string][]byte{"password": []byte("mine")}}
		Expect(API.Create(ctx, mine)).To(Succeed())
		ask(ctx, d, "app*")
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonAccountsRefused, v1alpha1.LabelConsent))
		mine.Labels = map[string]string{v1alpha1.LabelConsent: v1alpha1.ConsentGiven}
		Expect(API.Update(ctx, mine)).To(Succeed())
		Eventually(func() map[string]string { return World.Accounts(s.Key("db")) }).Should(HaveKeyWithValue("app", "mine"))
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonNotStalled))
	})
})

var _ = It("An operator that dies while accounts are made and dropped is followed by one that goes on", func(ctx context.Context) {
	Story{
		Operator: withAccounts,
		Before: func(ctx context.Context, d *v1alpha1.Datastore) {
			d.Annotations = map[string]string{asked: "gone"}
			Formed(ctx, d)
		},
		Act: func(ctx context.Context, d *v1alpha1.Datastore) {
			ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) {
				d.Annotations = map[string]string{asked: "app"}
				d.Spec.Storage.Retention.WhenScaled = v1alpha1.RetentionDelete // tells that the status is later than this
			})
		},
	}.EveryDeath(ctx, stride)
})
