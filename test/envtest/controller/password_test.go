// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/consulagent"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

// locksmith is Consul whose tokens are passwords that can be rotated.
type locksmith struct{ consul.Engine }

func (e locksmith) Traits() engine.Traits {
	t := e.Engine.Traits()
	t.Credentials = []engine.Credential{
		{Key: consul.CredentialGossip, Format: engine.CredentialBase64, Mounted: true, Rotates: "gossip-key"},
		{Key: consul.CredentialAgent, Format: engine.CredentialUUID, Mounted: true, Rotates: "agent-password", Login: true},
		{Key: consul.CredentialManagement, Format: engine.CredentialUUID, Rotates: "admin-password", Login: true},
	}
	return t
}

func withPasswords(o *operator.Options) {
	kit := consulagent.Kit()
	kit.Engine = locksmith{}
	o.Kit = &kit
}

var _ = Describe("The passwords of a Datastore", func() {
	for request, where := range map[string]struct{ key, secret string }{
		"agent-password": {consul.CredentialAgent, resource.MemberSecretName("db")},
		"admin-password": {consul.CredentialManagement, resource.ManagerSecretName("db")},
	} {
		It("are rotated on request, once, and no pod is touched: "+request, func(ctx context.Context) {
			s := NewScene(ctx)
			op := s.Operate(ctx, withPasswords)
			d := s.Sample("db").Obj()
			Formed(ctx, d)
			ExpectRest(op.Wire)
			before, pods := holds(ctx, s, where.secret), s.PodUIDs(ctx, "db")

			requestKey(ctx, d, request+":2026-05")
			Eventually(func(g Gomega) {
				data := holds(ctx, s, where.secret)
				g.Expect(data[where.key]).NotTo(Equal(before[where.key]))
				g.Expect(data).To(HaveLen(len(before)))
				g.Expect(World.Passwords(s.Key("db"))).To(Equal(map[string]string{where.key: engine.KeyHash(data[where.key])}))
			}).Should(Succeed())
			ExpectObjectReconciled(ctx, d)
			ExpectRestOnce(op.Wire)
			Expect(s.PodUIDs(ctx, "db")).To(Equal(pods))
			Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
			writes := wire.Count(op.Wire.Writes())
			if where.key == consul.CredentialManagement {
				Expect(holds(ctx, s, "db-connection")["token"]).To(Equal(holds(ctx, s, where.secret)[where.key]), "clients are told")
			} else {
				Expect(writes["update secrets"]).To(Equal(2))
			}

			op.Wire.Forget()
			requestKey(ctx, d, " "+request+":2026-05") // the same is no other request
			Consistently(func() []wire.Write { return op.Wire.Writes() }).Should(BeEmpty())
		})
	}

	It("wait for a member that is silent, which is said, and one after the other", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx, withPasswords)
		d := s.Sample("db").Obj()
		Formed(ctx, d)
		before := memberSecret(ctx, s)
		World.Silence(s.Key("db"), 2, true)
		requestKey(ctx, d, "agent-password:now")
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonBlocked, string(engine.StepRotateKey), plan.GuardKeysKnown, "db-2"))
		Consistently(func() map[string][]byte { return memberSecret(ctx, s) }).Should(Equal(before))

		World.Silence(s.Key("db"), 2, false)
		Eventually(func() map[string]string { return World.Passwords(s.Key("db")) }).Should(HaveLen(1))
		requestKey(ctx, d, "gossip-key:then") // maybe in the middle of the first
		expectKeyRotated(ctx, s, before[gossip])
		Expect(memberSecret(ctx, s)[consul.CredentialAgent]).NotTo(Equal(before[consul.CredentialAgent]))
		ExpectObjectReconciled(ctx, d)
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
	})
})

var _ = DescribeTable("An operator that dies while a password is rotated is followed by one that goes on", func(ctx context.Context, request string) {
	Story{
		Operator: withPasswords,
		Before:   Formed,
		Act: func(ctx context.Context, d *v1alpha1.Datastore) {
			ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) {
				d.Annotations = map[string]string{v1alpha1.AnnotationRotate: request}
				d.Spec.Storage.Retention.WhenScaled = v1alpha1.RetentionDelete // tells that the status is later than this
			})
		},
	}.EveryDeath(ctx, stride)
},
	Entry("of the agents", "agent-password:now"),
	Entry("of the administrator", "admin-password:now"),
)
