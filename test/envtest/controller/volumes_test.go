// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/double/kubelet"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("A size that is raised", func() {
	It("is given to every claim at once, and to one that is made later", func(ctx context.Context) {
		class := expectClass(ctx, true)
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").StorageClass(class.Name).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		pods := s.PodUIDs(ctx, "db")
		expectLabel(ctx, class, kubelet.Slow, "yes")
		ExpectRest(op.Wire)

		enlarge(ctx, d)
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonExpandingVolumes, "data-db-0", "data-db-2", "enlarged to 2Gi"),
			Has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonAllMembersReady),
		)
		expectClaims(ctx, s, 3, "2Gi")
		Expect(wire.Count(op.Wire.Writes()).Objects()).To(Equal(3), "%v", op.Wire.Writes())
		expectLabel(ctx, class, kubelet.Slow, "")
		ExpectObjectReconciled(ctx, d)
		ExpectRest(op.Wire)

		ExpectScaled(ctx, d, 4)
		ExpectObjectReconciled(ctx, d)
		expectClaims(ctx, s, 4, "2Gi")
		for name, uid := range pods {
			Expect(s.PodUIDs(ctx, "db")).To(HaveKeyWithValue(name, uid), "nobody is restarted")
		}
		ExpectRest(op.Wire)
	})

	It("is given while a server is down, before it is back", func(ctx context.Context) {
		class := expectClass(ctx, true)
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").StorageClass(class.Name).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		World.Silence(s.Key("db"), 1, true)
		World.Hold(s.Key("db"), true)
		s.Remove(ctx, &corev1.Pod{}, "db-1")
		enlarge(ctx, d)
		expectClaims(ctx, s, 3, "2Gi")
		World.Hold(s.Key("db"), false)
		World.Silence(s.Key("db"), 1, false)
		ExpectObjectReconciled(ctx, d)
	})

	It("that the class refuses is told with the remedy, holds nothing else up, and is not asked for again and again", func(ctx context.Context) {
		class := expectClass(ctx, false)
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").StorageClass(class.Name).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		enlarge(ctx, d)
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonExpansionRefused, "data-db-0", "2Gi", "allowVolumeExpansion", class.Name),
			Has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonAllMembersReady),
		)
		op.Wire.Forget()
		Consistently(func() int { return wire.Count(op.Wire.Writes()).Objects() }).WithTimeout(6 * time.Second).Should(BeZero())

		ExpectScaled(ctx, d, 4)
		ExpectDatastore(ctx, d, func(g Gomega, d *v1alpha1.Datastore) { g.Expect(d.Status.ReadyReplicas).To(Equal(int32(4))) })

		By("allowing it, which another operator finds at once")
		class.AllowVolumeExpansion = ptr.To(true)
		Expect(API.Update(ctx, class)).To(Succeed())
		Expect(op.Stop()).To(Succeed())
		s.Operate(ctx)
		ExpectObjectReconciled(ctx, d)
		expectClaims(ctx, s, 4, "2Gi")
	})

	It("is not given to what is another's, nor while the Datastore is paused", func(ctx context.Context) {
		class := expectClass(ctx, true)
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").StorageClass(class.Name).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		var claim corev1.PersistentVolumeClaim
		Expect(s.Get(ctx, "data-db-2", &claim)).To(Succeed())
		before := claim.DeepCopy()
		claim.Labels[resource.ClusterIDLabel] = "another"
		Expect(API.Patch(ctx, &claim, client.MergeFrom(before))).To(Succeed(), "which it may be bound in the middle of")

		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Paused = true; grow(d) })
		ExpectDatastore(ctx, d, Observed)
		Consistently(func(g Gomega) { g.Expect(sizes(ctx, s)).To(HaveEach("1Gi")) }).Should(Succeed())
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Paused = false })
		ExpectObjectReconciled(ctx, d)
		Expect(sizes(ctx, s)).To(Equal(map[string]string{"data-db-0": "2Gi", "data-db-1": "2Gi", "data-db-2": "1Gi"}))
	})
})

var _ = Describe("The claims of a Datastore that is deleted", func() {
	deleted := v1alpha1.Retention{WhenDeleted: v1alpha1.RetentionDelete}

	It("go with it where the policy says so, and ledger and credentials with them", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Retention(deleted).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		expectOwned(ctx, s, d, 3)
		ExpectRest(op.Wire)
		Expect(API.Delete(ctx, d)).To(Succeed())
		ExpectCollected(ctx, s)
		Expect(s.Versions(ctx)).To(BeEmpty())
	})

	It("stay where the policy was changed back in time, also that of a member that has left", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Retention(deleted).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		expectOwned(ctx, s, d, 3)
		ExpectScaled(ctx, d, 2)
		ExpectObjectReconciled(ctx, d)
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Storage.Retention.WhenDeleted = v1alpha1.RetentionRetain })
		expectOwned(ctx, s, d, 0)
		Expect(API.Delete(ctx, d)).To(Succeed())
		ExpectCollected(ctx, s)
		Expect(sizes(ctx, s)).To(HaveLen(3))
	})
})

var _ = DescribeTable("An operator that dies while it changes claims is followed by one that goes on",
	func(ctx context.Context, act func(context.Context, *v1alpha1.Datastore)) {
		class := expectClass(ctx, true)
		Story{Before: func(ctx context.Context, d *v1alpha1.Datastore) {
			d.Spec.Storage.ClassName = &class.Name
			Formed(ctx, d)
		}, Act: act}.EveryDeath(ctx, 1)
	},
	Entry("their size", enlarge),
	Entry("their owners", func(ctx context.Context, d *v1alpha1.Datastore) {
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Storage.Retention.WhenDeleted = v1alpha1.RetentionDelete })
	}),
)

func grow(d *v1alpha1.Datastore) { d.Spec.Storage.Size = apiresource.MustParse("2Gi") }

func enlarge(ctx context.Context, d *v1alpha1.Datastore) {
	GinkgoHelper()
	ExpectChanged(ctx, d, grow)
}

// expectClass makes a StorageClass.
func expectClass(ctx context.Context, growing bool) *storagev1.StorageClass {
	GinkgoHelper()
	class := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "class-"}, Provisioner: "example.com/double", AllowVolumeExpansion: &growing,
	}
	ExpectApplied(ctx, class)
	return class
}

// expectLabel puts a label on a StorageClass, or takes it away.
func expectLabel(ctx context.Context, class *storagev1.StorageClass, label, value string) {
	GinkgoHelper()
	before := class.DeepCopy()
	if class.Labels == nil {
		class.Labels = map[string]string{}
	}
	if class.Labels[label] = value; value == "" {
		delete(class.Labels, label)
	}
	Expect(API.Patch(ctx, class, client.MergeFrom(before))).To(Succeed())
}

// sizes are what the claims of a scene ask for.
func sizes(ctx context.Context, s *Scene) map[string]string {
	GinkgoHelper()
	var claims corev1.PersistentVolumeClaimList
	Expect(API.List(ctx, &claims, client.InNamespace(s.Namespace))).To(Succeed())
	out := map[string]string{}
	for _, c := range claims.Items {
		out[c.Name] = c.Spec.Resources.Requests.Storage().String()
	}
	return out
}

func expectClaims(ctx context.Context, s *Scene, n int, size string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		all := sizes(ctx, s)
		g.Expect(all).To(HaveLen(n))
		g.Expect(all).To(HaveEach(size))
	}).Should(Succeed())
}

// expectOwned waits until a Datastore is among the owners of so many claims, and
// no StatefulSet is.
func expectOwned(ctx context.Context, s *Scene, d *v1alpha1.Datastore, n int) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var claims corev1.PersistentVolumeClaimList
		g.Expect(API.List(ctx, &claims, client.InNamespace(s.Namespace))).To(Succeed())
		owned := 0
		for _, c := range claims.Items {
			for _, o := range c.OwnerReferences {
				g.Expect(o.UID).To(Equal(d.UID))
				owned++
			}
		}
		g.Expect(owned).To(Equal(n))
	}).Should(Succeed())
}
