// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/wrappers"
)

var _ = Describe("The disruption budget", func() {
	It("is taken, closed and opened, and not sent again", func(ctx context.Context) {
		in := inputOf(created(ctx, wrappers.MakeDatastore("db").Namespace(strictNamespace(ctx))))
		b := resource.New(in)
		for _, most := range []int32{1, 0, 2} {
			Expect(applyOne(ctx, b.DisruptionBudget(most, 3))).To(BeTrue())
			Expect(applyOne(ctx, b.DisruptionBudget(most, 3))).To(BeFalse())
			stored := read(ctx, b.DisruptionBudget(most, 3))
			Expect(stored.Spec.MaxUnavailable).To(HaveValue(Equal(intstr.FromInt32(most))))
			Expect(stored.Spec.UnhealthyPodEvictionPolicy).To(HaveValue(Equal(policyv1.IfHealthyBudget)))
			Expect(resource.BudgetClosed(stored, 3)).To(BeFalse(), "nobody has observed it yet")
		}
	})
})

var _ = Describe("A template that does not do", func() {
	It("is replaced by the last good one, as it was stored", func(ctx context.Context) {
		d := created(ctx, full("db", strictNamespace(ctx)))
		in := inputOf(d)
		applyAll(ctx, in, true)
		good := observed(ctx, d)

		By("writing another one")
		d.Spec.Resources = v1alpha1.Resources{}
		d.Spec.Config.Raw = []byte(`{"log_level":"DEBUG","performance":{"raft_multiplier":2}}`)
		in.ServerImage, in.Proven = "example/bad", true
		applyAll(ctx, in, true)
		in.Proven = false
		bad := observed(ctx, d)
		Expect(bad.StatefulSet.Spec.Template).NotTo(Equal(good.StatefulSet.Spec.Template))

		By("putting the last good one back")
		b, ok := resource.New(in).PutBack(bad, resource.LastGood(bad.StatefulSet))
		Expect(ok).To(BeTrue())
		for _, child := range b.Children(bad, false) {
			_, err := applied(ctx, child)
			Expect(err).NotTo(HaveOccurred())
		}
		back := observed(ctx, d)
		Expect(back.StatefulSet.Spec.Template).To(Equal(good.StatefulSet.Spec.Template), "so that pods of it are of the same revision")
		const file = resource.FilePrefix + "server.json"
		Expect(bad.Config.Data[file]).NotTo(Equal(good.Config.Data[file]))
		Expect(back.Config.Data[file]).To(Equal(good.Config.Data[file]))
		Expect(resource.FailedTemplate(back.StatefulSet)).To(Equal(resource.TemplateOf(&bad.StatefulSet.Spec.Template)))

		By("leaving it there")
		applyAll(ctx, in, false)
		Expect(applyAll(ctx, in, false)).To(BeEmpty())
		Expect(observed(ctx, d).StatefulSet.Spec.Template).To(Equal(good.StatefulSet.Spec.Template))
	})
})

var _ = Describe("A claim", func() {
	It("goes with its Datastore only as long as the policy says so", func(ctx context.Context) {
		d := created(ctx, wrappers.MakeDatastore("db").Namespace(strictNamespace(ctx)))
		claim := claimOf(ctx, d, nil)
		for _, policy := range []v1alpha1.RetentionPolicy{v1alpha1.RetentionDelete, v1alpha1.RetentionRetain, v1alpha1.RetentionDelete} {
			before := claim.DeepCopy()
			claim.OwnerReferences = resource.ClaimOwners(claim.OwnerReferences, d, policy)
			Expect(api.Patch(ctx, claim, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))).To(Succeed())
			Expect(resource.ClaimOwners(claim.OwnerReferences, d, policy)).To(HaveLen(len(claim.OwnerReferences)))
			Expect(claim.OwnerReferences).To(HaveLen(map[v1alpha1.RetentionPolicy]int{v1alpha1.RetentionDelete: 1}[policy]))
			Expect(metav1.GetControllerOf(claim)).To(BeNil())
		}
	})
})

var _ = Describe("The size of a claim", func() {
	It("is raised where the class allows it, and known as refused where not", func(ctx context.Context) {
		d := created(ctx, wrappers.MakeDatastore("db").Namespace(strictNamespace(ctx)).StorageSize("2Gi"))
		b := resource.New(inputOf(d))
		for name, allowed := range map[string]bool{"grows": true, "stays": false} {
			class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "example.com/none", AllowVolumeExpansion: &allowed}
			Expect(api.Create(ctx, class)).To(Succeed())
			claim := claimOf(ctx, d, &name)
			before := claim.DeepCopy()
			claim.Spec.Resources.Requests[corev1.ResourceStorage] = b.ClaimSize()
			patch := client.MergeFrom(before)
			state, _ := b.Expansion(before)
			Expect(state).To(Equal(resource.ExpansionRunning))
			unbound := claim.DeepCopy()
			err := api.Patch(ctx, unbound, patch)
			Expect(err).To(HaveOccurred())
			Expect(resource.ResizeRefused(err)).To(BeFalse(), "it is not bound: %v", err)

			before.Spec.VolumeName = "volume-" + name
			Expect(api.Update(ctx, before)).To(Succeed(), "as the volume controller does")
			before.Status.Phase = corev1.ClaimBound
			before.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: apiresource.MustParse("1Gi")}
			Expect(api.Status().Update(ctx, before)).To(Succeed())
			state, _ = b.Expansion(before)
			Expect(state).To(Equal(resource.ExpansionDue))

			larger := before.DeepCopy()
			larger.Spec.Resources.Requests[corev1.ResourceStorage] = b.ClaimSize()
			Eventually(ctx, func() bool {
				err = api.Patch(ctx, larger.DeepCopy(), client.MergeFrom(before))
				return err == nil || !allowed
			}, 10*time.Second).Should(BeTrue(), "the API server knows the class a moment later")
			Expect(resource.ResizeRefused(err)).To(Equal(!allowed), "%v", err)
			state, _ = b.Expansion(read(ctx, before))
			Expect(state).To(Equal(map[bool]resource.Expansion{true: resource.ExpansionRunning, false: resource.ExpansionDue}[allowed]))
		}
	})
})

// claimOf creates a claim of 1Gi.
func claimOf(ctx context.Context, d *v1alpha1.Datastore, class *string) *corev1.PersistentVolumeClaim {
	GinkgoHelper()
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "data-", Namespace: d.Namespace},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: class,
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: apiresource.MustParse("1Gi")},
			},
		},
	}
	Expect(api.Create(ctx, claim)).To(Succeed())
	return claim
}

// applyOne applies an object if it needs it, and tells whether it did.
func applyOne(ctx context.Context, desired client.Object) bool {
	GinkgoHelper()
	sent, err := applied(ctx, desired)
	Expect(err).NotTo(HaveOccurred())
	return sent
}
