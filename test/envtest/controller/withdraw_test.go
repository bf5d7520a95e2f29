// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/quorate/quorate/internal/resource"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("A pod that ends", func() {
	It("is behind the address of its member no more, and the others are left alone", func(ctx context.Context) {
		const hold = "example.com/hold"
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)

		var pod corev1.Pod
		held := func(change func(client.Object, string) bool) {
			GinkgoHelper()
			Expect(s.Get(ctx, "db-1", &pod)).To(Succeed())
			before := pod.DeepCopy()
			change(&pod, hold)
			Expect(API.Patch(ctx, &pod, client.MergeFrom(before))).To(Succeed())
		}
		held(controllerutil.AddFinalizer)
		Expect(API.Delete(ctx, &pod)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(s.Get(ctx, "db-1", &pod)).To(Succeed())
			g.Expect(pod.DeletionTimestamp).NotTo(BeNil())
			g.Expect(resource.Reachable(&pod)).To(BeFalse())
		}).Should(Succeed())
		for _, other := range s.Pods(ctx, "db") {
			Expect(resource.Reachable(&other)).To(Equal(other.Name != "db-1"), other.Name)
		}

		held(controllerutil.RemoveFinalizer)
		ExpectObjectReconciled(ctx, d)
		for _, p := range s.Pods(ctx, "db") {
			Expect(resource.Reachable(&p)).To(BeTrue(), p.Name)
		}
	})
})
