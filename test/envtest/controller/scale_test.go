// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apitypes "k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/resource"
)

// ExpectScaled changes the size through the subresource, as kubectl scale does.
func ExpectScaled(ctx context.Context, d *v1alpha1.Datastore, replicas int32) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var scale autoscalingv1.Scale
		g.Expect(api.SubResource("scale").Get(ctx, d, &scale)).To(Succeed())
		scale.Spec.Replicas = replicas
		g.Expect(api.SubResource("scale").Update(ctx, d, client.WithSubResourceBody(&scale))).To(Succeed())
	}).Should(Succeed())
}

// podUIDs are those of the pods of a Datastore, by name.
func podUIDs(ctx context.Context, s *scene, name string) map[string]apitypes.UID {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(api.List(ctx, &pods, client.InNamespace(s.namespace), client.MatchingLabels(resource.SelectorLabels(name)))).To(Succeed())
	out := map[string]apitypes.UID{}
	for _, p := range pods.Items {
		out[p.Name] = p.UID
	}
	return out
}

var _ = Describe("Scaling", func() {
	It("grows and shrinks one member at a time, and leaves before it shrinks", func(ctx context.Context) {
		s := newScene(ctx)
		op := s.operate(ctx)
		d := s.sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		founders := podUIDs(ctx, s, "db")

		ExpectScaled(ctx, d, 5)
		ExpectObjectReconciled(ctx, d)
		expectMembers(ctx, s, "db", 5)
		Expect(d.Status.FaultTolerance).To(HaveValue(Equal(int32(2))))
		Expect(d.Status.Members).To(HaveLen(5))
		grown := podUIDs(ctx, s, "db")
		for name, uid := range founders {
			Expect(grown).To(HaveKeyWithValue(name, uid), "no founder is restarted")
		}

		By("holding the servers: a member that cannot leave keeps its pod")
		world.Hold(s.key("db"), true)
		ExpectScaled(ctx, d, 3)
		ExpectDatastore(ctx, d, has(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonScaling))
		Consistently(func(g Gomega) {
			var set appsv1.StatefulSet
			g.Expect(api.Get(ctx, s.key("db"), &set)).To(Succeed())
			g.Expect(set.Spec.Replicas).To(HaveValue(Equal(int32(5))))
		}).Should(Succeed())
		Expect(d.Status.Plan).NotTo(BeNil())
		world.Hold(s.key("db"), false)

		ExpectObjectReconciled(ctx, d)
		expectMembers(ctx, s, "db", 3)
		Expect(podUIDs(ctx, s, "db")).To(Equal(founders))
		Expect(d.Status.Members).To(HaveLen(3))
		Expect(d.Status.FaultTolerance).To(HaveValue(Equal(int32(1))))

		By("growing again over the claims of those that left")
		ExpectScaled(ctx, d, 4)
		ExpectObjectReconciled(ctx, d)
		Expect(world.Crashes(s.key("db"))).To(BeEmpty())
		Expect(world.Formations(s.key("db"))).To(Equal(1))

		By("resting")
		expectMembers(ctx, s, "db", 4)
		expectRest(op.Wire)
	})

	It("shrinks to one and grows again, and leads all the time", func(ctx context.Context) {
		s := newScene(ctx)
		s.operate(ctx)
		d := s.sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectScaled(ctx, d, 1)
		ExpectObjectReconciled(ctx, d)
		expectMembers(ctx, s, "db", 1)
		ExpectScaled(ctx, d, 3)
		ExpectObjectReconciled(ctx, d)
		Expect(world.Crashes(s.key("db"))).To(BeEmpty())
	})

	It("changes its mind on the way", func(ctx context.Context) {
		s := newScene(ctx)
		s.operate(ctx)
		d := s.sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		for _, n := range []int32{5, 2, 4, 1, 5, 3} {
			ExpectScaled(ctx, d, n)
			ExpectDatastore(ctx, d, func(g Gomega, d *v1alpha1.Datastore) { g.Expect(d.Status.ObservedGeneration).To(Equal(d.Generation)) })
		}
		ExpectObjectReconciled(ctx, d)
		expectMembers(ctx, s, "db", 3)
		Expect(world.Crashes(s.key("db"))).To(BeEmpty())
		Expect(world.Formations(s.key("db"))).To(Equal(1))
	})
})
