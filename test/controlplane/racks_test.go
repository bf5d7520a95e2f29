//go:build controlplane

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/resource"

	. "github.com/quorate/quorate/test/stage"
)

// zones are those of the nodes here, in an order that is not that of their names.
var zones = Racks{"c", "a", "b"}

var _ = Describe("A Datastore with racks", func() {
	It("has each member on a node of its zone, as many as there are, and can spare one", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx, zones.Operator)
		d := s.Sample("db").Obj()
		zones.Hold(Formed)(ctx, d)
		for _, n := range []int32{5, 4, 3} {
			ExpectScaled(ctx, d, n)
			ExpectObjectReconciled(ctx, d)
			ExpectMembers(ctx, s, "db", int(n))
			ExpectRest(op.Wire)
			for _, p := range s.Pods(ctx, "db") {
				rack := p.Labels[resource.RackLabel]
				Expect(p.Spec.NodeName).To(Equal("node-"+rack), p.Name)
				Expect(strings.Split(p.Name, "-")).To(HaveExactElements("db", "rack", rack, Not(BeEmpty())))
			}
			settled(ctx, s)
			Eventually(allowed(ctx, s)).Should(BeEquivalentTo(1), "%d members", n)
		}

		By("taking one away that nobody brings back, and with it all of its rack")
		Expect(op.Stop()).To(Succeed())
		var claim corev1.PersistentVolumeClaim
		Expect(s.Get(ctx, "data-db-rack-b-0", &claim)).To(Succeed())
		claim.Finalizers = append(claim.Finalizers, "example.com/kept")
		Expect(API.Update(ctx, &claim)).To(Succeed())
		s.Remove(ctx, &corev1.PersistentVolumeClaim{}, claim.Name) // no pod is made on one that goes
		s.Remove(ctx, &corev1.Pod{}, "db-rack-b-0")
		Eventually(allowed(ctx, s)).Should(BeZero())
		Eventually(func() any { return s.PodUIDs(ctx, "db") }).Should(HaveLen(2))
		Consistently(allowed(ctx, s)).Should(BeZero())

		Expect(s.Get(ctx, claim.Name, &claim)).To(Succeed())
		claim.Finalizers = nil
		Expect(API.Update(ctx, &claim)).To(Succeed())
		s.Operate(ctx, zones.Operator)
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 3)
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
	})
})

// allowed is how many members others may evict.
func allowed(ctx context.Context, s *Scene) func() (int32, error) {
	return func() (int32, error) {
		var budget policyv1.PodDisruptionBudget
		err := s.Get(ctx, resource.DisruptionBudgetName("db"), &budget)
		return budget.Status.DisruptionsAllowed, err
	}
}

var _ = DescribeTable("An operator that dies when it has written the first rack is followed by one that writes the others",
	func(ctx context.Context, story Story) {
		story.Operator = zones.Operator
		story.DeathAt(ctx, "apply statefulsets db-rack-c")
	},
	Entry("with a growth", Story{Before: zones.Hold(Formed), Act: ScaleTo(5)}),
	Entry("with a template", Story{Before: zones.Hold(Formed), Act: func(ctx context.Context, d *v1alpha1.Datastore) {
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod.Labels = map[string]string{"tier": "gold"} })
	}}),
	Entry("with a start", Story{Before: zones.Hold(func(ctx context.Context, d *v1alpha1.Datastore) {
		Formed(ctx, d)
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Stopped = true })
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonStopped))
	}), Act: func(ctx context.Context, d *v1alpha1.Datastore) {
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Stopped = false })
	}}),
)
