//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"regexp"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/wrappers"
)

var _ = Describe("A Consul cluster from one resource", Ordered, func() {
	var key types.NamespacedName
	var clusterID string

	BeforeAll(func(ctx SpecContext) {
		key = types.NamespacedName{Namespace: newNamespace(ctx, "form"), Name: "consul"}
		startClient(ctx, key.Namespace)
		expectApplied(ctx, wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Replicas(3).Obj())
	})

	It("forms three voters and lets clients in with the token only", func(ctx SpecContext) {
		took := expectSettled(ctx, key, 3)
		AddReportEntry("time to three voters, usable", took.String())
		clusterID = datastore(ctx, key).Status.ClusterID
		Expect(clusterID).NotTo(BeEmpty())
		expectPeers(ctx, key, 3)
		_, err := curl(ctx, key, "-H", "X-Consul-Token: 00000000-0000-0000-0000-000000000000", "http://consul-client:8500/v1/kv/x")
		Expect(err).To(HaveOccurred(), "a wrong token must be refused")
	})

	It("writes through one member and reads through every other", func(ctx SpecContext) {
		expectWritten(ctx, key, "my-key", "my-data")
		for i := range 3 {
			expectRead(ctx, key, fmt.Sprintf("consul-%d", i), "my-key", "my-data")
		}
	})

	It("brings a deleted pod back: same name, same claim, new address, same identity", func(ctx SpecContext) {
		before, claimBefore := pod(ctx, key.Namespace, "consul-1"), claim(ctx, key.Namespace, "consul-1").UID
		idBefore := memberID(datastore(ctx, key), "consul-1")
		Expect(k8s.Delete(ctx, before)).To(Succeed())
		Eventually(ctx, func(g Gomega) {
			var now corev1.Pod
			g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(before), &now)).To(Succeed())
			g.Expect(now.UID).NotTo(Equal(before.UID))
			g.Expect(now.Status.PodIP).NotTo(BeEmpty())
		}).Should(Succeed())
		expectSettled(ctx, key, 3)
		Expect(pod(ctx, key.Namespace, "consul-1").Status.PodIP).NotTo(Equal(before.Status.PodIP))
		Expect(claim(ctx, key.Namespace, "consul-1").UID).To(Equal(claimBefore))
		Expect(memberID(datastore(ctx, key), "consul-1")).To(Equal(idBefore))
		expectRead(ctx, key, "consul-1", "my-key", "my-data")
	})

	It("scales from three to five and back, members leaving before their pods", func(ctx SpecContext) {
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](5) })
		AddReportEntry("3 to 5", expectSettled(ctx, key, 5).String())
		expectPeers(ctx, key, 5)
		expectRead(ctx, key, "consul-4", "my-key", "my-data")
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](3) })
		AddReportEntry("5 to 3", expectSettled(ctx, key, 3).String())
		expectPeers(ctx, key, 3)
		Expect(claim(ctx, key.Namespace, "consul-4").DeletionTimestamp).To(BeNil(), "claims are kept")
		Eventually(ctx, func() bool {
			return apierrors.IsNotFound(k8s.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: "consul-4"}, &corev1.Service{}))
		}).Should(BeTrue(), "the Service of a member that has left stays")
	})

	It("lets a member that left join again over its old claim", func(ctx SpecContext) {
		uid := claim(ctx, key.Namespace, "consul-3").UID
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](4) })
		expectSettled(ctx, key, 4)
		Expect(claim(ctx, key.Namespace, "consul-3").UID).To(Equal(uid))
		expectRead(ctx, key, "consul-3", "my-key", "my-data")
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](3) })
		expectSettled(ctx, key, 3)
	})

	It("survives all pods deleted at once", func(ctx SpecContext) {
		Expect(k8s.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(key.Namespace), client.MatchingLabels{"quorate.dev/datastore": key.Name})).To(Succeed())
		expectNotReady(ctx, key)
		expectSettled(ctx, key, 3)
		expectRead(ctx, key, "consul-0", "my-key", "my-data")
		Expect(datastore(ctx, key).Status.ClusterID).To(Equal(clusterID))
	})

	It("replaces a member whose pod and claim are deleted", func(ctx SpecContext) {
		id, uid := memberID(datastore(ctx, key), "consul-0"), claim(ctx, key.Namespace, "consul-0").UID
		Expect(k8s.Delete(ctx, claim(ctx, key.Namespace, "consul-0"))).To(Succeed())
		Expect(k8s.Delete(ctx, pod(ctx, key.Namespace, "consul-0"))).To(Succeed())
		expectAnotherClaim(ctx, key, "consul-0", uid)
		AddReportEntry("pod and claim of consul-0 lost, all voters again", expectSettled(ctx, key, 3).String())
		Expect(memberID(datastore(ctx, key), "consul-0")).NotTo(Equal(id))
		expectPeers(ctx, key, 3)
		expectRead(ctx, key, "consul-0", "my-key", "my-data")
		Expect(datastore(ctx, key).Status.ClusterID).To(Equal(clusterID))
	})

	It("comes back with its data when the resource is deleted and created again over its claims", func(ctx SpecContext) {
		expectGone(ctx, datastore(ctx, key))
		Eventually(ctx, func() (int, error) {
			var pods corev1.PodList
			err := k8s.List(ctx, &pods, client.InNamespace(key.Namespace), client.MatchingLabels{"quorate.dev/datastore": key.Name})
			return len(pods.Items), err
		}).Should(BeZero())
		expectApplied(ctx, wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Replicas(3).Obj())
		expectSettled(ctx, key, 3)
		expectRead(ctx, key, "consul-2", "my-key", "my-data")
		Expect(datastore(ctx, key).Status.ClusterID).To(Equal(clusterID))
	})

	It("never forms a second cluster when all claims are deleted", func(ctx SpecContext) {
		for i := range 3 {
			Expect(k8s.Delete(ctx, claim(ctx, key.Namespace, fmt.Sprintf("consul-%d", i)))).To(Succeed())
		}
		Expect(k8s.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(key.Namespace), client.MatchingLabels{"quorate.dev/datastore": key.Name})).To(Succeed())
		message := expectCondition(ctx, key, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataLost)
		Expect(message).To(ContainSubstring("claims"))
		Consistently(ctx, func(g Gomega) {
			var pods corev1.PodList
			g.Expect(k8s.List(ctx, &pods, client.InNamespace(key.Namespace), client.MatchingLabels{"quorate.dev/datastore": key.Name})).To(Succeed())
			for _, p := range pods.Items {
				for _, c := range p.Status.ContainerStatuses {
					if c.Name == "server" {
						g.Expect(c.State.Running).To(BeNil(), "the server of %s runs on an empty volume", p.Name)
					}
				}
			}
		}).WithTimeout(15 * time.Second).Should(Succeed())
	})

	It("starts with no data once the user agrees, with the text that the status gives", func(ctx SpecContext) {
		asked := regexp.MustCompile(`quorate\.dev/approve=(start-empty:\S+)`)
		var text []string
		Eventually(ctx, func() []string {
			text = asked.FindStringSubmatch(expectCondition(ctx, key, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataLost))
			return text
		}).Should(HaveLen(2), "the status asks for a text that agrees")
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Annotations = map[string]string{v1alpha1.AnnotationApprove: text[1]} })
		begin := time.Now()
		Eventually(ctx, func() string { return datastore(ctx, key).Status.ClusterID }).ShouldNot(Equal(clusterID))
		expectSettled(ctx, key, 3)
		AddReportEntry("started with no data, all voters", time.Since(begin).String())
		expectWritten(ctx, key, "my-key", "another")
		clusterID = datastore(ctx, key).Status.ClusterID
	})

	It("starts afresh once resource and claims are gone", func(ctx SpecContext) {
		expectGone(ctx, datastore(ctx, key))
		Expect(k8s.DeleteAllOf(ctx, &corev1.PersistentVolumeClaim{}, client.InNamespace(key.Namespace))).To(Succeed())
		Eventually(ctx, func() bool {
			return apierrors.IsNotFound(k8s.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: "consul-ledger"}, &corev1.ConfigMap{}))
		}).Should(BeTrue(), "the ledger outlives the claims")
		expectApplied(ctx, wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Replicas(3).Obj())
		expectSettled(ctx, key, 3)
		Expect(datastore(ctx, key).Status.ClusterID).NotTo(Equal(clusterID))
	})
})

func memberID(d *v1alpha1.Datastore, name string) string {
	for _, m := range d.Status.Members {
		if m.Name == name {
			return m.ID
		}
	}
	return ""
}
