//go:build controlplane

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"

	. "github.com/quorate/quorate/test/stage"
)

// settled are the versions of all objects of a scene once the controller of
// StatefulSets has told how they are: that may be after the operator rests.
func settled(ctx context.Context, s *Scene) map[string]string {
	GinkgoHelper()
	var versions map[string]string
	Eventually(func(g Gomega) {
		versions = s.Versions(ctx)
		for _, o := range s.Objects(ctx) {
			if set, ok := o.(*appsv1.StatefulSet); ok {
				want := *set.Spec.Replicas
				g.Expect(set.Status.ObservedGeneration).To(Equal(set.Generation), set.Name)
				g.Expect([]int32{set.Status.Replicas, set.Status.ReadyReplicas, set.Status.AvailableReplicas}).To(HaveEach(want), set.Name)
			}
		}
		g.Expect(s.Versions(ctx)).To(Equal(versions))
	}).Should(Succeed())
	return versions
}
