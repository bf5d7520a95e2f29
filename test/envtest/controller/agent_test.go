// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/double/kubelet"
	"github.com/quorate/quorate/test/double/operator"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("An image of the agent that cannot be pulled", func() {
	const good = "quorate/quorate:mended"
	withImage := func(image string) func(*operator.Options) {
		return func(o *operator.Options) { o.AgentImage = image }
	}
	images := func(ctx context.Context, s *Scene, container string) func() []string {
		return func() []string {
			var out []string
			for _, p := range s.Pods(ctx, "db") {
				for _, c := range p.Spec.InitContainers {
					if c.Name == container {
						out = append(out, c.Image)
					}
				}
			}
			return out
		}
	}

	It("keeps a set from forming until it is put right", func(ctx context.Context) {
		s := NewScene(ctx)
		first := s.Operate(ctx, withImage(kubelet.BadImage+":agent"))
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonPodStuck, "ImagePullBackOff", resource.InitContainer))
		Expect(first.Stop()).To(Succeed())
		pods := s.PodUIDs(ctx, "db")

		s.Operate(ctx, withImage(good))
		ExpectObjectReconciled(ctx, d)
		Expect(images(ctx, s, resource.InitContainer)()).To(HaveExactElements(good, good, good))
		Expect(images(ctx, s, resource.AgentContainer)()).To(HaveExactElements(good, good, good))
		Expect(s.PodUIDs(ctx, "db")).To(Equal(pods))
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
	})

	It("reaches one member of a set that serves, and is put right there", func(ctx context.Context) {
		s := NewScene(ctx)
		first := s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		Expect(first.Stop()).To(Succeed())
		pods, before := s.PodUIDs(ctx, "db"), images(ctx, s, resource.AgentContainer)()

		second := s.Operate(ctx, withImage(kubelet.BadImage+":agent"))
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonPodStuck, "ImagePullBackOff", resource.AgentContainer))
		Expect(images(ctx, s, resource.AgentContainer)()).To(ConsistOf(kubelet.BadImage+":agent", before[1], before[2]))
		Expect(second.Stop()).To(Succeed())

		s.Operate(ctx, withImage(good))
		Eventually(images(ctx, s, resource.AgentContainer)).Should(HaveExactElements(good, good, good))
		ExpectObjectReconciled(ctx, d)
		Expect(images(ctx, s, resource.InitContainer)()).To(Equal(before), "the container that has done its work was changed")
		Expect(s.PodUIDs(ctx, "db")).To(Equal(pods))
	})
})
