// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

const gossip = "gossip"

var _ = Describe("The key that the servers of a Datastore share", func() {
	It("is rotated on request, once, and no pod is touched", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Obj()
		Formed(ctx, d)
		ExpectRest(op.Wire)
		before, pods := memberSecret(ctx, s), s.PodUIDs(ctx, "db")

		requestKey(ctx, d, "gossip-key:2026-05")
		expectKeyRotated(ctx, s, before[gossip])
		ExpectObjectReconciled(ctx, d)
		ExpectRestOnce(op.Wire)
		Expect(s.PodUIDs(ctx, "db")).To(Equal(pods))
		Expect(wire.Count(op.Wire.Writes())["update secrets"]).To(Equal(3))
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
		for key, value := range memberSecret(ctx, s) {
			if key != gossip {
				Expect(value).To(Equal(before[key]), key)
			}
		}

		op.Wire.Forget()
		requestKey(ctx, d, " gossip-key:2026-05") // the same is no other request
		Consistently(func() []wire.Write { return op.Wire.Writes() }).Should(BeEmpty())
	})

	It("is not rotated for a request that was there before the set", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Obj()
		d.Annotations = map[string]string{v1alpha1.AnnotationRotate: "gossip-key:first"}
		Formed(ctx, d)
		before := memberSecret(ctx, s)
		ExpectRest(op.Wire)
		Expect(memberSecret(ctx, s)).To(Equal(before))
		Expect(before).NotTo(HaveKey(engine.NextKey(gossip)))
	})

	It("waits for a member that is silent, and says so", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Obj()
		Formed(ctx, d)
		ExpectRest(op.Wire)
		before := memberSecret(ctx, s)

		World.Silence(s.Key("db"), 2, true)
		requestKey(ctx, d, "gossip-key:now")
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonBlocked, string(engine.StepRotateKey), plan.GuardKeysKnown, "db-2"))
		Consistently(func() map[string][]byte { return memberSecret(ctx, s) }).Should(Equal(before))

		World.Silence(s.Key("db"), 2, false)
		expectKeyRotated(ctx, s, before[gossip])
		ExpectObjectReconciled(ctx, d)
	})

	It("is what a member joins with that comes afterwards", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Obj()
		Formed(ctx, d)
		ExpectRest(op.Wire)
		before := memberSecret(ctx, s)
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) {
			metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationRotate, "gossip-key:now")
			d.Spec.Replicas = ptr.To[int32](4)
		})
		expectKeyRotated(ctx, s, before[gossip])
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](5) })
		ExpectObjectReconciled(ctx, d)
		ExpectRest(op.Wire)
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
	})

	It("is left alone where the annotation cannot be read or names something else, which is said", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		d.Annotations = map[string]string{v1alpha1.AnnotationRotate: "please"} // holds no formation up
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonAllMembersReady))
		before := memberSecret(ctx, s)
		for _, value := range []string{"please", "root-password:now"} {
			requestKey(ctx, d, value)
			ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRotationRefused, v1alpha1.AnnotationRotate, "gossip-key:WORD", "remove"))
		}
		requestKey(ctx, d, "")
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonNotStalled))
		ExpectObjectReconciled(ctx, d)
		Expect(memberSecret(ctx, s)).To(Equal(before))
	})
})

var _ = It("An operator that dies while a key is rotated is followed by one that goes on", func(ctx context.Context) {
	Story{Before: Formed, Act: func(ctx context.Context, d *v1alpha1.Datastore) {
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) {
			d.Annotations = map[string]string{v1alpha1.AnnotationRotate: "gossip-key:now"}
			d.Spec.Storage.Retention.WhenScaled = v1alpha1.RetentionDelete // tells that the status is later than this
		})
	}}.EveryDeath(ctx, stride)
})

func requestKey(ctx context.Context, d *v1alpha1.Datastore, value string) {
	GinkgoHelper()
	ExpectAnnotated(ctx, d, v1alpha1.AnnotationRotate, value)
}

func memberSecret(ctx context.Context, s *Scene) map[string][]byte {
	GinkgoHelper()
	return holds(ctx, s, resource.MemberSecretName("db"))
}

// expectKeyRotated waits until the Secret has another key, alone, and every member
// that one and no other.
func expectKeyRotated(ctx context.Context, s *Scene, before []byte) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		data := memberSecret(ctx, s)
		g.Expect(data[gossip]).NotTo(Equal(before))
		g.Expect(data).NotTo(HaveKey(engine.NextKey(gossip)))
		g.Expect(data).NotTo(HaveKey(engine.FormerKey(gossip)))
		for _, keys := range World.Keys(s.Key("db")) {
			g.Expect(keys).To(Equal([]string{engine.KeyHash(data[gossip])}))
		}
	}).Should(Succeed())
}
