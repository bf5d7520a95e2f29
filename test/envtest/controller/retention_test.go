// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("The claims of members that have left", func() {
	scaled := v1alpha1.Retention{WhenScaled: v1alpha1.RetentionDelete}

	It("go where the policy says so, after their pods, and no other does", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Replicas(5).Retention(scaled).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectScaled(ctx, d, 3)
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 3)
		expectKept(ctx, s, "data-db-0", "data-db-1", "data-db-2")
		ExpectRest(op.Wire)

		ExpectScaled(ctx, d, 5)
		ExpectObjectReconciled(ctx, d)
		Expect(sizes(ctx, s)).To(HaveLen(5))
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
	})

	It("stay while nobody can tell whether the member has left, and those stay that left before", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Replicas(4).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectScaled(ctx, d, 3)
		ExpectObjectReconciled(ctx, d)
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Storage.Retention = scaled })
		ExpectObjectReconciled(ctx, d)

		for i := range 3 {
			World.Silence(s.Key("db"), i, true)
		}
		ExpectScaled(ctx, d, 2)
		ExpectDatastore(ctx, d, Observed)
		Consistently(func() int { return wire.Count(op.Wire.Writes())["delete persistentvolumeclaims"] }).Should(BeZero())
		for i := range 3 {
			World.Silence(s.Key("db"), i, false)
		}
		ExpectObjectReconciled(ctx, d)
		expectKept(ctx, s, "data-db-0", "data-db-1", "data-db-3")
	})
})

var _ = It("An operator that dies while it gives a claim up is followed by one that goes on", func(ctx context.Context) {
	Story{Before: func(ctx context.Context, d *v1alpha1.Datastore) {
		d.Spec.Storage.Retention.WhenScaled = v1alpha1.RetentionDelete
		Formed(ctx, d)
	}, Act: ScaleTo(2)}.EveryDeath(ctx, stride)
})

// expectKept waits until there are exactly these claims.
func expectKept(ctx context.Context, s *Scene, names ...string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		kept := sizes(ctx, s)
		g.Expect(kept).To(HaveLen(len(names)))
		for _, n := range names {
			g.Expect(kept).To(HaveKey(n))
			var claim corev1.PersistentVolumeClaim
			g.Expect(s.Get(ctx, n, &claim)).To(Succeed())
			g.Expect(claim.DeletionTimestamp).To(BeNil(), n)
		}
	}).Should(Succeed())
}
