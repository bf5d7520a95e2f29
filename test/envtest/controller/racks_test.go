// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/resource"

	. "github.com/quorate/quorate/test/stage"
)

// racks are those of every Datastore here, in an order that is not that of their names.
var racks = Racks{"z", "a"}

// sized checks the sizes of the StatefulSets, by the order of the racks.
func sized(ctx context.Context, s *Scene, want ...int32) func(Gomega) {
	return func(g Gomega) {
		for i, rack := range racks {
			var set appsv1.StatefulSet
			g.Expect(s.Get(ctx, "db-rack-"+rack, &set)).To(Succeed())
			g.Expect(set.Spec.Replicas).To(HaveValue(Equal(want[i])), rack)
		}
	}
}

var _ = Describe("A Datastore with racks", func() {
	It("has a StatefulSet for each, and grows and shrinks evenly", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx, racks.Operator)
		d := s.Sample("db").Obj()
		racks.Hold(Formed)(ctx, d)
		ExpectMembers(ctx, s, "db", 3)
		Eventually(sized(ctx, s, 2, 1)).Should(Succeed())
		founders := s.PodUIDs(ctx, "db")
		Expect(founders).To(And(HaveKey("db-rack-z-0"), HaveKey("db-rack-a-0"), HaveKey("db-rack-z-1")))
		for _, p := range s.Pods(ctx, "db") {
			Expect(p.Spec.NodeSelector).To(HaveKeyWithValue(corev1.LabelTopologyZone, p.Labels[resource.RackLabel]))
			Expect(p.Name).To(HavePrefix("db-rack-" + p.Labels[resource.RackLabel]))
		}
		Expect(s.Get(ctx, "db", &appsv1.StatefulSet{})).NotTo(Succeed())

		ExpectScaled(ctx, d, 5)
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 5)
		Eventually(sized(ctx, s, 3, 2)).Should(Succeed())
		Expect(d.Status.FaultTolerance).To(HaveValue(Equal(int32(2))))
		for name, uid := range founders {
			Expect(s.PodUIDs(ctx, "db")).To(HaveKeyWithValue(name, uid), "no founder is restarted")
		}

		ExpectScaled(ctx, d, 2)
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 2)
		Eventually(sized(ctx, s, 1, 1)).Should(Succeed())

		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Stopped = true })
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonStopped))
		Eventually(sized(ctx, s, 0, 0)).Should(Succeed())
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Stopped = false })
		ExpectObjectReconciled(ctx, d)
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
		Expect(World.Formations(s.Key("db"))).To(Equal(1))

		By("resting")
		ExpectMembers(ctx, s, "db", 2)
		ExpectRest(op.Wire)
	})

	It("lets nobody be evicted while a rack has no pod, and one while all have", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx, racks.Operator)
		d := s.Sample("db").Obj()
		racks.Hold(Formed)(ctx, d)
		ExpectRest(op.Wire)
		allowed := func() (int32, error) {
			var budget policyv1.PodDisruptionBudget
			err := s.Get(ctx, resource.DisruptionBudgetName("db"), &budget)
			return budget.Status.DisruptionsAllowed, err
		}
		Eventually(allowed).Should(BeEquivalentTo(1))

		By("taking a rack away that nobody brings back")
		Expect(op.Stop()).To(Succeed())
		var set appsv1.StatefulSet
		Expect(s.Get(ctx, "db-rack-a", &set)).To(Succeed())
		Expect(API.Delete(ctx, &set, client.PropagationPolicy(metav1.DeletePropagationOrphan))).To(Succeed())
		Eventually(func() error { return s.Get(ctx, "db-rack-a", &set) }).ShouldNot(Succeed())
		s.Remove(ctx, &corev1.Pod{}, "db-rack-a-0")
		Eventually(func() any { return s.PodUIDs(ctx, "db") }).Should(HaveLen(2))
		Eventually(allowed).Should(BeZero())
		Consistently(allowed).Should(BeZero())

		s.Operate(ctx, racks.Operator)
		ExpectObjectReconciled(ctx, d)
		Eventually(allowed).Should(BeEquivalentTo(1))
	})

	It("closes the budget while it grows, and opens it for the new size", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx, racks.Operator)
		d := s.Sample("db").Obj()
		racks.Hold(Formed)(ctx, d)
		least := func() (intstr.IntOrString, error) {
			var budget policyv1.PodDisruptionBudget
			err := s.Get(ctx, resource.DisruptionBudgetName("db"), &budget)
			return ptr.Deref(budget.Spec.MinAvailable, intstr.FromInt32(-1)), err
		}
		Eventually(least).Should(Equal(intstr.FromInt32(2)))
		World.Hold(s.Key("db"), true) // nobody gets a vote
		ExpectScaled(ctx, d, 5)
		Eventually(least).Should(Equal(intstr.FromInt32(5)))
		World.Hold(s.Key("db"), false)
		ExpectObjectReconciled(ctx, d)
		Eventually(least).Should(Equal(intstr.FromInt32(4)))
		ExpectScaled(ctx, d, 3)
		ExpectObjectReconciled(ctx, d)
		Eventually(least).Should(Equal(intstr.FromInt32(2)))
		ExpectRest(op.Wire)
	})

	It("brings a StatefulSet that somebody deleted back as the others are, and not with a template that waits", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx, racks.Operator)
		d := s.Sample("db").Obj()
		racks.Hold(Formed)(ctx, d)
		before := s.PodUIDs(ctx, "db")
		var first appsv1.StatefulSet
		Expect(s.Get(ctx, "db-rack-z", &first)).To(Succeed())
		World.Silence(s.Key("db"), 1, true) // the rollout waits for it
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod.Labels = map[string]string{"tier": "gold"} })
		ExpectDatastore(ctx, d, Observed)

		Expect(API.Delete(ctx, first.DeepCopy(), client.PropagationPolicy(metav1.DeletePropagationOrphan))).To(Succeed())
		var again appsv1.StatefulSet
		Eventually(func(g Gomega) {
			g.Expect(s.Get(ctx, "db-rack-z", &again)).To(Succeed())
			g.Expect(again.UID).NotTo(Equal(first.UID))
			g.Expect(again.DeletionTimestamp).To(BeNil())
		}).Should(Succeed())
		Expect(again.Spec.Template.Annotations).To(HaveKeyWithValue(resource.TemplateAnnotation, first.Spec.Template.Annotations[resource.TemplateAnnotation]))
		Expect(again.Spec.Template.Spec.NodeSelector).To(Equal(first.Spec.Template.Spec.NodeSelector))
		Expect(again.Spec.Replicas).To(HaveValue(Equal(int32(2))))
		Eventually(func() any { return s.PodUIDs(ctx, "db") }).Should(Equal(before))

		World.Silence(s.Key("db"), 1, false)
		ExpectObjectReconciled(ctx, d)
		for _, p := range s.Pods(ctx, "db") {
			Expect(p.Labels).To(HaveKeyWithValue("tier", "gold"), p.Name)
		}
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
	})

	It("begins no second set beside the claims of one that lost its ledger and had other racks", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx, racks.Operator)
		d := s.Sample("db").Obj()
		racks.Hold(Formed)(ctx, d)
		Expect(API.Delete(ctx, d)).To(Succeed())
		ExpectCollected(ctx, s)
		s.Remove(ctx, &corev1.ConfigMap{}, "db-ledger")
		Expect(op.Stop()).To(Succeed())

		s.Operate(ctx, Racks{"x", "y"}.Operator)
		d = s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonLedgerLost, "db", "restore the ConfigMap"))
		Consistently(func() error { return s.Get(ctx, "db-ledger", &corev1.ConfigMap{}) }).ShouldNot(Succeed())
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
	})

	It("makes the StatefulSets alike again, whichever somebody has changed", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx, racks.Operator)
		d := s.Sample("db").Replicas(4).Obj()
		racks.Hold(Formed)(ctx, d)
		for _, rack := range racks {
			for _, size := range []int32{1, 3} {
				var set appsv1.StatefulSet
				Eventually(func(g Gomega) { // the API server's own changes of the status come in between
					g.Expect(s.Get(ctx, "db-rack-"+rack, &set)).To(Succeed())
					set.Spec.Replicas = ptr.To(size)
					g.Expect(API.Update(ctx, &set)).To(Succeed())
				}).Should(Succeed())
				Eventually(sized(ctx, s, 2, 2)).Should(Succeed(), fmt.Sprintf("%s of %d", rack, size))
				ExpectMembers(ctx, s, "db", 4)
			}
		}
		ExpectObjectReconciled(ctx, d)
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
	})
})

var _ = DescribeTable("An operator that dies between two racks is followed by one that goes on",
	func(ctx context.Context, story Story) {
		story.Operator = racks.Operator
		story.EveryDeath(ctx, 3*stride)
	},
	Entry("with a formation", Story{Act: racks.Hold(Form)}),
	Entry("with a growth", Story{Before: racks.Hold(Formed), Act: ScaleTo(5)}),
	Entry("with a shrinkage", Story{Before: racks.Hold(func(ctx context.Context, d *v1alpha1.Datastore) {
		d.Spec.Replicas = ptr.To(int32(4))
		Formed(ctx, d)
	}), Act: ScaleTo(2)}),
	Entry("with a rollout", Story{Before: racks.Hold(Formed), Act: change(func(d *v1alpha1.Datastore) {
		d.Spec.Pod.Labels = map[string]string{"tier": "gold"}
	})}),
	Entry("with a stop and a start", Story{Before: racks.Hold(func(ctx context.Context, d *v1alpha1.Datastore) {
		Formed(ctx, d)
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Stopped = true })
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonStopped))
	}), Act: change(func(d *v1alpha1.Datastore) { d.Spec.Stopped = false })}),
	Entry("with a set that is given up", Story{Before: racks.Hold(func(ctx context.Context, d *v1alpha1.Datastore) {
		Formed(ctx, d)
		loseVolumes(ctx, &Scene{Namespace: d.Namespace}, 0, 1, 2)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataLost, "start-empty:db:"))
	}), Act: func(ctx context.Context, d *v1alpha1.Datastore) {
		approve(ctx, d, "start-empty:db:"+d.Status.ClusterID)
	}, Formations: 2}),
)
