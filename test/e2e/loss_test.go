//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"regexp"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/wrappers"
)

var _ = Describe("A Consul cluster that loses volumes", Ordered, func() {
	var key types.NamespacedName

	BeforeAll(func(ctx SpecContext) {
		key = types.NamespacedName{Namespace: newNamespace(ctx, "loss"), Name: "consul"}
		expectApplied(ctx, wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Replicas(3).Obj())
		expectSettled(ctx, key, 3)
		startClient(ctx, key.Namespace)
		expectWritten(ctx, key, "kept", "as it was")
	})

	It("replaces a member whose claim somebody deletes while its server runs", func(ctx SpecContext) {
		uid := claim(ctx, key.Namespace, "consul-1").UID
		Expect(k8s.Delete(ctx, claim(ctx, key.Namespace, "consul-1"))).To(Succeed())
		expectAnotherClaim(ctx, key, "consul-1", uid)
		AddReportEntry("claim of consul-1 deleted, all voters again", expectSettled(ctx, key, 3).String())
		expectPeers(ctx, key, 3)
	})

	It("goes on from what is left of a majority that is lost, when the user agrees and not before", func(ctx SpecContext) {
		clusterID := datastore(ctx, key).Status.ClusterID
		for _, name := range []string{"consul-1", "consul-2"} {
			Expect(k8s.Delete(ctx, claim(ctx, key.Namespace, name))).To(Succeed())
			Expect(k8s.Delete(ctx, pod(ctx, key.Namespace, name))).To(Succeed())
		}
		message := expectCondition(ctx, key, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonMajorityLost)
		asked := regexp.MustCompile(`quorate\.dev/approve=(\S+)`)
		Eventually(ctx, func() []string {
			message = expectCondition(ctx, key, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonMajorityLost)
			return asked.FindStringSubmatch(message)
		}).Should(HaveLen(2), "the status asks for a text that agrees")
		Expect(message).To(ContainSubstring("consul-0 has the newest data"))
		uid := pod(ctx, key.Namespace, "consul-0").UID
		Consistently(ctx, func() types.UID { return pod(ctx, key.Namespace, "consul-0").UID }).WithTimeout(10*time.Second).Should(Equal(uid), "nothing is done unasked")

		update(ctx, key, func(d *v1alpha1.Datastore) {
			d.Annotations = map[string]string{v1alpha1.AnnotationApprove: asked.FindStringSubmatch(message)[1]}
		})
		begin := time.Now()
		expectWritten(ctx, key, "after", "too")
		AddReportEntry("recovered, and written to", time.Since(begin).String())
		AddReportEntry("all voters again", expectSettled(ctx, key, 3).String())
		expectPeers(ctx, key, 3)
		for _, member := range []string{"consul-0", "consul-1", "consul-2"} {
			expectRead(ctx, key, member, "kept", "as it was")
			expectRead(ctx, key, member, "after", "too")
		}
		Expect(datastore(ctx, key).Status.ClusterID).To(Equal(clusterID))
	})
})

// expectAnotherClaim waits until a member has another claim than the one of a UID.
func expectAnotherClaim(ctx context.Context, key types.NamespacedName, member string, uid types.UID) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega) {
		var c corev1.PersistentVolumeClaim
		g.Expect(k8s.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: "data-" + member}, &c)).To(Succeed())
		g.Expect(c.UID).NotTo(Equal(uid))
	}).Should(Succeed())
}
