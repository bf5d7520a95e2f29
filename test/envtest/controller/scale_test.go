// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/plan"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("Scaling", func() {
	It("grows and shrinks one member at a time, and leaves before it shrinks", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		founders := s.PodUIDs(ctx, "db")

		ExpectScaled(ctx, d, 5)
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 5)
		Expect(d.Status.FaultTolerance).To(HaveValue(Equal(int32(2))))
		Expect(d.Status.Members).To(HaveLen(5))
		grown := s.PodUIDs(ctx, "db")
		for name, uid := range founders {
			Expect(grown).To(HaveKeyWithValue(name, uid), "no founder is restarted")
		}

		By("holding the servers: a member that cannot leave keeps its pod")
		World.Hold(s.Key("db"), true)
		ExpectScaled(ctx, d, 3)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonScaling))
		Consistently(func(g Gomega) {
			var set appsv1.StatefulSet
			g.Expect(API.Get(ctx, s.Key("db"), &set)).To(Succeed())
			g.Expect(set.Spec.Replicas).To(HaveValue(Equal(int32(5))))
		}).Should(Succeed())
		Expect(d.Status.Plan).NotTo(BeNil())
		World.Hold(s.Key("db"), false)

		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 3)
		Expect(s.PodUIDs(ctx, "db")).To(Equal(founders))
		Expect(d.Status.Members).To(HaveLen(3))
		Expect(d.Status.FaultTolerance).To(HaveValue(Equal(int32(1))))

		By("growing again over the claims of those that left")
		ExpectScaled(ctx, d, 4)
		ExpectObjectReconciled(ctx, d)
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
		Expect(World.Formations(s.Key("db"))).To(Equal(1))

		By("resting")
		ExpectMembers(ctx, s, "db", 4)
		ExpectRest(op.Wire)
	})

	It("is ready only when every member has its vote", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		World.Hold(s.Key("db"), true)
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonForming, "3 of 3 members have reported"),
			Has(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonForming),
			Has(v1alpha1.ConditionFormed, metav1.ConditionFalse, v1alpha1.ReasonNotFormed),
		)
		World.Hold(s.Key("db"), false)
		ExpectObjectReconciled(ctx, d)

		World.Hold(s.Key("db"), true)
		ExpectScaled(ctx, d, 4)
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonMembersNotReady, "3 of 4 members are ready", "db-3"),
			Has(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonScaling),
			func(g Gomega, d *v1alpha1.Datastore) { g.Expect(d.Status.ReadyReplicas).To(Equal(int32(3))) },
		)
		World.Hold(s.Key("db"), false)
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.Members).To(HaveLen(4))
	})

	It("shrinks to one and grows again, and leads all the time", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectScaled(ctx, d, 1)
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 1)
		ExpectScaled(ctx, d, 3)
		ExpectObjectReconciled(ctx, d)
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
	})

	It("does not shrink while another member is silent, which may be down, and says so", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Replicas(4).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		before := s.PodUIDs(ctx, "db")
		World.Silence(s.Key("db"), 1, true)
		ExpectScaled(ctx, d, 3)
		ExpectDatastore(ctx, d, Observed, func(g Gomega, d *v1alpha1.Datastore) {
			g.Expect(d.Status.Plan).NotTo(BeNil())
			g.Expect(d.Status.Plan.BlockedBy).To(Equal(plan.GuardNobodySilent))
			g.Expect(d.Status.Plan.Message).To(ContainSubstring("db-1 is silent"))
		})
		expectSizeKept(ctx, s, before)
		World.Silence(s.Key("db"), 1, false)
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 3)
	})

	It("keeps pod and claim of one that leaves while nobody answers for the membership", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Replicas(4).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		before := s.PodUIDs(ctx, "db")
		World.Hold(s.Key("db"), true) // the leave is begun and does not end
		ExpectScaled(ctx, d, 3)
		ExpectDatastore(ctx, d, func(g Gomega, d *v1alpha1.Datastore) {
			g.Expect(d.Status.Plan).NotTo(BeNil())
			g.Expect(d.Status.Plan.Action).To(Equal("Leave"))
		})
		for i := range 3 {
			World.Silence(s.Key("db"), i, true)
		}
		World.Hold(s.Key("db"), false)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonMembersSilent))
		expectSizeKept(ctx, s, before)
		for i := range 3 {
			World.Silence(s.Key("db"), i, false)
		}
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 3)
	})

	It("changes its mind on the way", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		for _, n := range []int32{5, 2, 4, 1, 5, 3} {
			ExpectScaled(ctx, d, n)
			ExpectDatastore(ctx, d, Observed)
		}
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 3)
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
	})
})

// expectSizeKept asserts that the StatefulSet keeps its size and all pods stay.
func expectSizeKept(ctx context.Context, s *Scene, before map[string]types.UID) {
	GinkgoHelper()
	Consistently(func(g Gomega) {
		var set appsv1.StatefulSet
		g.Expect(API.Get(ctx, s.Key("db"), &set)).To(Succeed())
		g.Expect(set.Spec.Replicas).To(HaveValue(BeEquivalentTo(len(before))))
		g.Expect(s.PodUIDs(ctx, "db")).To(Equal(before))
	}).Should(Succeed())
}
