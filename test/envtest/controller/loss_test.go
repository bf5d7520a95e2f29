// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/double/kubelet"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/portrait"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("A formed set", func() {
	var (
		s  *Scene
		d  *v1alpha1.Datastore
		op *operator.Operator
	)

	BeforeEach(func(ctx context.Context) {
		s = NewScene(ctx)
		op = s.Operate(ctx)
		d = s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
	})

	It("has the Service of a member made again at its address, and at another where that is taken", func(ctx context.Context) {
		address := func() string {
			var service corev1.Service
			Expect(API.Get(ctx, s.Key("db-1"), &service)).To(Succeed())
			return service.Spec.ClusterIP
		}
		before := address()
		s.Remove(ctx, &corev1.Service{}, "db-1")
		Eventually(func() error { return API.Get(ctx, s.Key("db-1"), &corev1.Service{}) }).Should(Succeed())
		Expect(address()).To(Equal(before))
		ExpectObjectReconciled(ctx, d)

		By("having somebody else take it")
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Paused = true })
		ExpectDatastore(ctx, d, Observed)
		s.Remove(ctx, &corev1.Service{}, "db-1")
		ExpectApplied(ctx, &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "taker"},
			Spec:       corev1.ServiceSpec{ClusterIP: before, Ports: []corev1.ServicePort{{Port: 80}}},
		})
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Paused = false })
		Eventually(func() error { return API.Get(ctx, s.Key("db-1"), &corev1.Service{}) }).Should(Succeed())
		Expect(address()).NotTo(Equal(before))
		ExpectObjectReconciled(ctx, d)
	})

	DescribeTable("says which Secret it lost, and makes no other",
		func(ctx context.Context, name string, patient bool) {
			var secret corev1.Secret
			Expect(API.Get(ctx, s.Key(name), &secret)).To(Succeed())
			s.Remove(ctx, &corev1.Secret{}, name)
			op.Wire.Forget()
			ExpectPoked(ctx, d)
			ExpectDatastore(ctx, d,
				Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonCredentialsLost, name, "restore it"),
				Has(v1alpha1.ConditionFormed, metav1.ConditionTrue, v1alpha1.ReasonFormed),
			)
			Consistently(func() error { return API.Get(ctx, s.Key(name), &corev1.Secret{}) }).ShouldNot(Succeed())
			Expect(wire.Count(op.Wire.Writes()).Objects()).To(BeZero())

			By("restoring it")
			secret.ResourceVersion, secret.UID = "", ""
			ExpectApplied(ctx, &secret)
			if !patient { // Secrets are not watched: it would be seen some seconds later
				ExpectPoked(ctx, d)
			}
			ExpectObjectReconciled(ctx, d)
		},
		Entry("the authority's", "db-ca", false),
		Entry("the manager's", "db-manager", true),
		Entry("the members'", "db-member", false),
	)

	It("says that it lost its ledger, and begins no other", func(ctx context.Context) {
		var ledger corev1.ConfigMap
		Expect(API.Get(ctx, s.Key("db-ledger"), &ledger)).To(Succeed())
		s.Remove(ctx, &corev1.ConfigMap{}, "db-ledger")
		op.Wire.Forget()
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonLedgerLost, "db", "restore the ConfigMap"),
			Has(v1alpha1.ConditionFormed, metav1.ConditionUnknown, v1alpha1.ReasonLedgerLost),
		)
		Consistently(func() error { return API.Get(ctx, s.Key("db-ledger"), &corev1.ConfigMap{}) }).ShouldNot(Succeed())
		Expect(wire.Count(op.Wire.Writes()).Objects()).To(BeZero())
		Expect(s.PodUIDs(ctx, "db")).To(HaveLen(3))

		By("restoring it")
		ledger.ResourceVersion, ledger.UID = "", ""
		ExpectApplied(ctx, &ledger)
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.ClusterID).To(Equal(ledger.Labels[resource.ClusterIDLabel]))
	})

	It("comes back as the same cluster when it is deleted and made again over its claims", func(ctx context.Context) {
		former := d.DeepCopy()
		Expect(API.Delete(ctx, d)).To(Succeed())
		ExpectCollected(ctx, s)
		left := s.Versions(ctx)
		Expect(left).To(HaveLen(7), "three claims, three Secrets and the ledger: %v", left)

		d = s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.ClusterID).To(Equal(former.Status.ClusterID))
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
		var ledger corev1.ConfigMap
		Expect(API.Get(ctx, s.Key("db-ledger"), &ledger)).To(Succeed())
		Expect(ledger.OwnerReferences).To(ContainElement(HaveField("UID", d.UID)))
	})

	It("comes back as the same cluster when it is made again before its children are gone", func(ctx context.Context) {
		former := d.DeepCopy()
		Expect(API.Delete(ctx, d)).To(Succeed())
		d = s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonBlocked, "goes by itself"))
		ExpectCollected(ctx, s)
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.ClusterID).To(Equal(former.Status.ClusterID))
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
	})

	It("starts afresh when the resource and all its claims are deleted, also while they are still going", func(ctx context.Context) {
		former := d.DeepCopy()
		Expect(API.Delete(ctx, d)).To(Succeed())
		Expect(API.DeleteAllOf(ctx, &corev1.PersistentVolumeClaim{}, client.InNamespace(s.Namespace))).To(Succeed())
		d = s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d, Observed)
		ExpectCollected(ctx, s)
		Eventually(func(g Gomega) {
			_, err := kubelet.CollectGarbage(ctx, API, s.Namespace)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(API.Get(ctx, s.Key("db"), d)).To(Succeed())
			Reconciled(g, d)
		}).Should(Succeed(), func() string { return StatusText(d) })
		Expect(d.Status.ClusterID).NotTo(Equal(former.Status.ClusterID))
	})

	It("starts afresh over claims that were never granted", func(ctx context.Context) {
		other := s.Sample("never").Obj()
		World.Silence(s.Key("never"), 2, true)
		ExpectApplied(ctx, other)
		ExpectMembers(ctx, s, "never", 3)
		Expect(API.Delete(ctx, other)).To(Succeed())
		ExpectCollected(ctx, s)
		Expect(s.Versions(ctx, "never")).To(HaveLen(3), "the claims alone")
		World.Silence(s.Key("never"), 2, false)
		other = s.Sample("never").Obj()
		ExpectApplied(ctx, other)
		ExpectObjectReconciled(ctx, other)
	})

	It("says that its data is lost when all claims are, and forms no second set", func(ctx context.Context) {
		World.Hold(s.Key("db"), true)
		DeferCleanup(func() { World.Hold(s.Key("db"), false) })
		Expect(API.DeleteAllOf(ctx, &corev1.PersistentVolumeClaim{}, client.InNamespace(s.Namespace))).To(Succeed())
		Expect(API.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(s.Namespace))).To(Succeed())
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataLost, d.Status.ClusterID),
			Has(v1alpha1.ConditionFormed, metav1.ConditionTrue, v1alpha1.ReasonFormed),
			Has(v1alpha1.ConditionDegraded, metav1.ConditionTrue, v1alpha1.ReasonDataLost),
			Has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDataLost),
		)
		World.Hold(s.Key("db"), false)
		Consistently(func() int { return World.Formations(s.Key("db")) }).Should(Equal(1))

		By("starting with no data, as the message says")
		lost := d.Status.ClusterID
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataLost, v1alpha1.AnnotationApprove+"=start-empty:db:"+lost))
		var former, fresh corev1.Secret
		Expect(API.Get(ctx, s.Key(resource.MemberSecretName("db")), &former)).To(Succeed())
		for _, text := range []string{"start-empty:db:" + string(former.UID), "start-empty:db-0:" + lost, "start-empty:db"} {
			approve(ctx, d, text)
			Consistently(func() int { return World.Formations(s.Key("db")) }).WithTimeout(time.Second).Should(Equal(1), text)
		}
		approve(ctx, d, "start-empty:db:"+lost)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonAllMembersReady))
		Expect(d.Status.ClusterID).NotTo(Equal(lost))
		Expect(World.Formations(s.Key("db"))).To(Equal(2))
		ExpectObjectReconciled(ctx, d)

		By("another authority, key and token than the set before had")
		Expect(API.Get(ctx, s.Key(resource.MemberSecretName("db")), &fresh)).To(Succeed())
		Expect(fresh.Labels).To(HaveKeyWithValue(resource.ClusterIDLabel, d.Status.ClusterID))
		for key, value := range former.Data {
			Expect(fresh.Data).To(HaveKeyWithValue(key, Not(Equal(value))), key)
		}

		By("not taking the word for the next loss too")
		loseVolumes(ctx, s, 0, 1, 2)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataLost, "start-empty:db:"+d.Status.ClusterID))
		Consistently(func() int { return World.Formations(s.Key("db")) }).Should(Equal(2))
	})

	It("replaces a member whose pod and claim are gone", func(ctx context.Context) {
		var claim corev1.PersistentVolumeClaim
		Expect(API.Get(ctx, s.Key("data-db-0"), &claim)).To(Succeed())
		s.Remove(ctx, &corev1.PersistentVolumeClaim{}, "data-db-0")
		s.Remove(ctx, &corev1.Pod{}, "db-0")
		Eventually(func(g Gomega) {
			var again corev1.PersistentVolumeClaim
			g.Expect(API.Get(ctx, s.Key("data-db-0"), &again)).To(Succeed())
			g.Expect(again.UID).NotTo(Equal(claim.UID))
		}).Should(Succeed())
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.Members).To(HaveLen(3))
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
	})

	It("is not taken for gone when every member is silent", func(ctx context.Context) {
		plain := s.Portrait(ctx, "db")
		for i := range 3 {
			World.Silence(s.Key("db"), i, true)
		}
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonMembersSilent),
			Has(v1alpha1.ConditionFormed, metav1.ConditionTrue, v1alpha1.ReasonFormed),
			Has(v1alpha1.ConditionDegraded, metav1.ConditionUnknown, v1alpha1.ReasonMembersSilent),
		)
		ExpectScaled(ctx, d, 1)
		closed := func(g Gomega) {
			var budget policyv1.PodDisruptionBudget
			g.Expect(API.Get(ctx, s.Key(resource.DisruptionBudgetName("db")), &budget)).To(Succeed())
			g.Expect(budget.Spec.MaxUnavailable.IntValue()).To(BeZero(), "nobody knows what the set tolerates")
		}
		Eventually(closed).Should(Succeed())
		op.Wire.Forget()
		Consistently(func() int { return wire.Count(op.Wire.Writes()).Objects() }).Should(BeZero())
		now := s.Portrait(ctx, "db")
		for _, p := range []portrait.Portrait{plain, now} {
			delete(p, "PodDisruptionBudget "+resource.DisruptionBudgetName("db"))
		}
		Expect(now).To(Equal(plain))
		ExpectScaled(ctx, d, 3)
		for i := range 3 {
			World.Silence(s.Key("db"), i, false)
		}
		ExpectObjectReconciled(ctx, d)
	})
})
