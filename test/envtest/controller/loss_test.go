// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/double/kubelet"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/wire"
)

// ExpectCollected waits until garbage collection has nothing left to do.
func ExpectCollected(ctx context.Context, s *scene) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		n, err := kubelet.CollectGarbage(ctx, api, s.namespace)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(n).To(BeZero())
		var pods corev1.PodList
		g.Expect(api.List(ctx, &pods, client.InNamespace(s.namespace))).To(Succeed())
		for _, p := range pods.Items {
			g.Expect(p.DeletionTimestamp).To(BeNil())
		}
	}).Should(Succeed())
}

// remove deletes an object by name.
func (s *scene) remove(ctx context.Context, o client.Object, name string) {
	GinkgoHelper()
	o.SetNamespace(s.namespace)
	o.SetName(name)
	Expect(api.Delete(ctx, o)).To(Succeed())
}

var _ = Describe("A formed set", func() {
	var (
		s  *scene
		d  *v1alpha1.Datastore
		op *operator.Operator
	)

	BeforeEach(func(ctx context.Context) {
		s = newScene(ctx)
		op = s.operate(ctx)
		d = s.sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
	})

	DescribeTable("says which Secret it lost, and makes no other",
		func(ctx context.Context, name string, patient bool) {
			var secret corev1.Secret
			Expect(api.Get(ctx, s.key(name), &secret)).To(Succeed())
			s.remove(ctx, &corev1.Secret{}, name)
			op.Wire.Forget()
			ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { metav1.SetMetaDataAnnotation(&d.ObjectMeta, "example.com/poke", "1") })
			ExpectDatastore(ctx, d,
				has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonCredentialsLost, name, "restore it"),
				has(v1alpha1.ConditionFormed, metav1.ConditionTrue, v1alpha1.ReasonFormed),
			)
			Consistently(func() error { return api.Get(ctx, s.key(name), &corev1.Secret{}) }).ShouldNot(Succeed())
			Expect(wire.Count(op.Wire.Writes()).Objects()).To(BeZero())

			By("restoring it")
			secret.ResourceVersion, secret.UID = "", ""
			ExpectApplied(ctx, &secret)
			if !patient { // Secrets are not watched: it would be seen some seconds later
				ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { metav1.SetMetaDataAnnotation(&d.ObjectMeta, "example.com/poke", "2") })
			}
			ExpectObjectReconciled(ctx, d)
		},
		Entry("the authority's", "db-ca", false),
		Entry("the manager's", "db-manager", true),
		Entry("the members'", "db-member", false),
	)

	It("says that it lost its ledger, and begins no other", func(ctx context.Context) {
		var ledger corev1.ConfigMap
		Expect(api.Get(ctx, s.key("db-ledger"), &ledger)).To(Succeed())
		s.remove(ctx, &corev1.ConfigMap{}, "db-ledger")
		op.Wire.Forget()
		ExpectDatastore(ctx, d,
			has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonLedgerLost, "db", "restore the ConfigMap"),
			has(v1alpha1.ConditionFormed, metav1.ConditionUnknown, v1alpha1.ReasonLedgerLost),
		)
		Consistently(func() error { return api.Get(ctx, s.key("db-ledger"), &corev1.ConfigMap{}) }).ShouldNot(Succeed())
		Expect(wire.Count(op.Wire.Writes()).Objects()).To(BeZero())
		Expect(podUIDs(ctx, s, "db")).To(HaveLen(3))

		By("restoring it")
		ledger.ResourceVersion, ledger.UID = "", ""
		ExpectApplied(ctx, &ledger)
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.ClusterID).To(Equal(ledger.Labels[resource.ClusterIDLabel]))
	})

	It("comes back as the same cluster when it is deleted and made again over its claims", func(ctx context.Context) {
		former := d.DeepCopy()
		Expect(api.Delete(ctx, d)).To(Succeed())
		ExpectCollected(ctx, s)
		left := versions(ctx, s)
		Expect(left).To(HaveLen(7), "three claims, three Secrets and the ledger: %v", left)

		d = s.sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.ClusterID).To(Equal(former.Status.ClusterID))
		Expect(world.Formations(s.key("db"))).To(Equal(1))
		var ledger corev1.ConfigMap
		Expect(api.Get(ctx, s.key("db-ledger"), &ledger)).To(Succeed())
		Expect(ledger.OwnerReferences).To(ContainElement(HaveField("UID", d.UID)))
	})

	It("comes back as the same cluster when it is made again before its children are gone", func(ctx context.Context) {
		former := d.DeepCopy()
		Expect(api.Delete(ctx, d)).To(Succeed())
		d = s.sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d, has(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonBlocked, "goes by itself"))
		ExpectCollected(ctx, s)
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.ClusterID).To(Equal(former.Status.ClusterID))
		Expect(world.Formations(s.key("db"))).To(Equal(1))
	})

	It("starts afresh when the resource and all its claims are deleted, also while they are still going", func(ctx context.Context) {
		former := d.DeepCopy()
		Expect(api.Delete(ctx, d)).To(Succeed())
		Expect(api.DeleteAllOf(ctx, &corev1.PersistentVolumeClaim{}, client.InNamespace(s.namespace))).To(Succeed())
		d = s.sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d, func(g Gomega, d *v1alpha1.Datastore) { g.Expect(d.Status.ObservedGeneration).To(Equal(d.Generation)) })
		ExpectCollected(ctx, s)
		Eventually(func(g Gomega) {
			_, err := kubelet.CollectGarbage(ctx, api, s.namespace)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(api.Get(ctx, s.key("db"), d)).To(Succeed())
			reconciled(g, d)
		}).Should(Succeed(), func() string { return statusText(d) })
		Expect(d.Status.ClusterID).NotTo(Equal(former.Status.ClusterID))
	})

	It("says that its data is lost when all claims are, and forms no second set", func(ctx context.Context) {
		world.Hold(s.key("db"), true)
		DeferCleanup(func() { world.Hold(s.key("db"), false) })
		Expect(api.DeleteAllOf(ctx, &corev1.PersistentVolumeClaim{}, client.InNamespace(s.namespace))).To(Succeed())
		Expect(api.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(s.namespace))).To(Succeed())
		ExpectDatastore(ctx, d,
			has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataLost, d.Status.ClusterID),
			has(v1alpha1.ConditionFormed, metav1.ConditionTrue, v1alpha1.ReasonFormed),
			has(v1alpha1.ConditionDegraded, metav1.ConditionTrue, v1alpha1.ReasonDataLost),
			has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDataLost),
		)
		world.Hold(s.key("db"), false)
		Consistently(func() int { return world.Formations(s.key("db")) }).Should(Equal(1))

		By("starting with no data, as the message says")
		Expect(api.Delete(ctx, d)).To(Succeed())
		Expect(api.DeleteAllOf(ctx, &corev1.PersistentVolumeClaim{}, client.InNamespace(s.namespace))).To(Succeed())
		ExpectCollected(ctx, s)
		fresh := s.sample("db").Obj()
		ExpectApplied(ctx, fresh)
		ExpectObjectReconciled(ctx, fresh)
		Expect(fresh.Status.ClusterID).NotTo(Equal(d.Status.ClusterID))
	})

	It("replaces a member whose pod and claim are gone", func(ctx context.Context) {
		var claim corev1.PersistentVolumeClaim
		Expect(api.Get(ctx, s.key("data-db-0"), &claim)).To(Succeed())
		s.remove(ctx, &corev1.PersistentVolumeClaim{}, "data-db-0")
		s.remove(ctx, &corev1.Pod{}, "db-0")
		Eventually(func(g Gomega) {
			var again corev1.PersistentVolumeClaim
			g.Expect(api.Get(ctx, s.key("data-db-0"), &again)).To(Succeed())
			g.Expect(again.UID).NotTo(Equal(claim.UID))
		}).Should(Succeed())
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.Members).To(HaveLen(3))
		Expect(world.Formations(s.key("db"))).To(Equal(1))
	})

	It("is not taken for gone when every member is silent", func(ctx context.Context) {
		plain := s.portrait(ctx, "db")
		for i := range 3 {
			world.Silence(s.key("db"), i, true)
		}
		ExpectDatastore(ctx, d,
			has(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonMembersSilent),
			has(v1alpha1.ConditionFormed, metav1.ConditionTrue, v1alpha1.ReasonFormed),
			has(v1alpha1.ConditionDegraded, metav1.ConditionUnknown, v1alpha1.ReasonMembersSilent),
		)
		ExpectScaled(ctx, d, 1)
		op.Wire.Forget()
		Consistently(func() int { return wire.Count(op.Wire.Writes()).Objects() }).Should(BeZero())
		Expect(s.portrait(ctx, "db")).To(Equal(plain))
		ExpectScaled(ctx, d, 3)
		for i := range 3 {
			world.Silence(s.key("db"), i, false)
		}
		ExpectObjectReconciled(ctx, d)
	})
})
