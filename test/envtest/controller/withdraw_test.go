// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"maps"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/double/kubelet"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("A pod that is deleted", func() {
	It("keeps its address while nobody ends it, and has none once its server is to end", func(ctx context.Context) {
		const hold = "example.com/hold"
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)

		follower := d.Status.Members[slices.IndexFunc(d.Status.Members, func(m v1alpha1.MemberStatus) bool { return m.Role == "follower" })].Name
		var pod corev1.Pod
		ends := func(how string) {
			GinkgoHelper()
			Expect(s.Get(ctx, follower, &pod)).To(Succeed())
			before := pod.DeepCopy()
			delete(pod.Annotations, kubelet.Ends)
			controllerutil.RemoveFinalizer(&pod, hold)
			if how != "" {
				metav1.SetMetaDataAnnotation(&pod.ObjectMeta, kubelet.Ends, how)
				controllerutil.AddFinalizer(&pod, hold) // the API server waits for no kubelet of a pod that is on no node
			}
			Expect(API.Patch(ctx, &pod, client.MergeFrom(before))).To(Succeed())
		}
		reachable := func() map[string]bool {
			out := map[string]bool{}
			for _, p := range s.Pods(ctx, "db") {
				out[p.Name] = resource.Reachable(&p)
			}
			return out
		}
		all := map[string]bool{"db-0": true, "db-1": true, "db-2": true}
		others := maps.Clone(all)
		others[follower] = false

		By("deleting it while its kubelet is away: its server goes on")
		ends(kubelet.Away)
		Expect(API.Delete(ctx, &pod)).To(Succeed())
		Consistently(reachable).Should(Equal(all))

		By("letting its kubelet come back")
		ends(kubelet.Later)
		Eventually(reachable).Should(Equal(others))

		By("letting its server end")
		ends("")
		Eventually(reachable).Should(Equal(all))
		ExpectObjectReconciled(ctx, d)
	})
})
