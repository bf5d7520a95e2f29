// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/double/kubelet"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("A member whose volume is on one node only", func() {
	var (
		s    *Scene
		op   *operator.Operator
		d    *v1alpha1.Datastore
		node *corev1.Node
		lost types.UID
	)

	// form makes a set whose third member has its volume on a node of its own,
	// and has that member fall silent.
	form := func(ctx context.Context, policy v1alpha1.LostPolicy) {
		GinkgoHelper()
		s = NewScene(ctx)
		op = s.Operate(ctx)
		class := expectClass(ctx, true)
		d = s.Sample("db").StorageClass(class.Name).Retention(v1alpha1.Retention{WhenLost: policy}).Obj()
		node = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace + "-c", Labels: map[string]string{corev1.LabelHostname: s.Namespace + "-c"}}}
		other := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace + "-a"}}
		ExpectApplied(ctx, d, node, other)
		ExpectObjectReconciled(ctx, d)
		var claim corev1.PersistentVolumeClaim
		Eventually(func(g Gomega) {
			g.Expect(s.Get(ctx, "data-db-2", &claim)).To(Succeed())
			g.Expect(claim.Status.Phase).To(Equal(corev1.ClaimBound))
		}).Should(Succeed())
		lost = claim.UID
		ExpectApplied(ctx, &corev1.PersistentVolume{
			ObjectMeta: metav1.ObjectMeta{Name: kubelet.VolumeOf(&claim)},
			Spec: corev1.PersistentVolumeSpec{
				AccessModes: claim.Spec.AccessModes, Capacity: claim.Spec.Resources.Requests, StorageClassName: class.Name,
				PersistentVolumeSource: corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: "/nowhere"}},
				NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
					MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node.Name}}},
				}}}},
			},
		})
		World.Silence(s.Key("db"), 2, true)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionDegraded, metav1.ConditionTrue, v1alpha1.ReasonToleranceReduced))
	}

	expectReplaced := func(ctx context.Context) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			var claim corev1.PersistentVolumeClaim
			g.Expect(s.Get(ctx, "data-db-2", &claim)).To(Succeed())
			g.Expect(claim.UID).NotTo(Equal(lost))
		}).Should(Succeed())
		World.Silence(s.Key("db"), 2, false)
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.Members).To(HaveLen(3))
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
		Expect(wire.Count(op.Wire.Writes())["delete persistentvolumeclaims"]).To(Equal(1))
	}

	It("is replaced unasked where the policy says so and the node is gone, and not while it is only silent", func(ctx context.Context) {
		form(ctx, v1alpha1.LostDelete)
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}
		Expect(API.Status().Update(ctx, node)).To(Succeed())
		node.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute}}
		Expect(API.Update(ctx, node)).To(Succeed())
		ExpectPoked(ctx, d)
		Consistently(func() int { return wire.Count(op.Wire.Writes())["delete persistentvolumeclaims"] }).Should(BeZero())

		Expect(API.Delete(ctx, node)).To(Succeed())
		expectReplaced(ctx)
	})

	It("is replaced with the user's word, by the annotation that the status names, where its node is out of service", func(ctx context.Context) {
		form(ctx, v1alpha1.LostAsk)
		node.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeOutOfService, Value: "nodeshutdown", Effect: corev1.TaintEffectNoExecute}}
		Expect(API.Update(ctx, node)).To(Succeed())
		text := "replace:db-2:" + string(lost)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonMemberLost,
			"db-2 is lost", node.Name, corev1.TaintNodeOutOfService, v1alpha1.AnnotationApprove+"="+text))
		approve(ctx, d, "replace:db-2:another-claim")
		Consistently(func() int { return wire.Count(op.Wire.Writes())["delete persistentvolumeclaims"] }).Should(BeZero())
		approve(ctx, d, text+":x")
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonMemberLost, "agrees to nothing"))

		approve(ctx, d, text)
		expectReplaced(ctx)
	})

	It("is asked about no more when its node is back", func(ctx context.Context) {
		form(ctx, v1alpha1.LostAsk)
		Expect(API.Delete(ctx, node)).To(Succeed())
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonMemberLost))
		World.Silence(s.Key("db"), 2, false)
		ExpectObjectReconciled(ctx, d)
		var claim corev1.PersistentVolumeClaim
		Expect(API.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: "data-db-2"}, &claim)).To(Succeed())
		Expect(claim.UID).To(Equal(lost))
	})
})

var _ = Describe("A set that has lost its majority for good", func() {
	It("is recovered from what is left, once the user agrees and not before", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		before := s.PodUIDs(ctx, "db")
		loseVolumes(ctx, s, 1, 2)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonMajorityLost,
			"of 3 voters 1 are left", "db-0 has the newest data", v1alpha1.AnnotationApprove+"=recover:db-0:1"))
		for _, text := range []string{"recover:db-1:1", "recover:db-0:2", "recover:db-0"} {
			approve(ctx, d, text)
			ExpectPoked(ctx, d)
			Consistently(func() types.UID { return s.PodUIDs(ctx, "db")["db-0"] }).Should(Equal(before["db-0"]), text)
		}

		approve(ctx, d, "recover:db-0:1")
		ExpectObjectReconciled(ctx, d)
		Expect(s.PodUIDs(ctx, "db")["db-0"]).NotTo(Equal(before["db-0"]))
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())

		By("the word was good once")
		loseVolumes(ctx, s, 1, 2)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonMajorityLost, "recover:db-0:2"))
	})

	It("is not offered a recovery while a member is silent that may have its volume", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Replicas(5).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		World.Silence(s.Key("db"), 4, true)
		loseVolumes(ctx, s, 1, 2, 3)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonMajorityLost, "db-4 is silent"))
		Consistently(func(g Gomega) {
			g.Expect(s.Get(ctx, "db", d)).To(Succeed())
			g.Expect(StatusText(d)).NotTo(ContainSubstring("recover:"))
		}).WithTimeout(2 * time.Second).Should(Succeed())
		World.Silence(s.Key("db"), 4, false)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonMajorityLost, "goes on from db-0, db-4", "recover:db-0:1"))
	})
})

// approve puts the user's word where it is read.
func approve(ctx context.Context, d *v1alpha1.Datastore, text string) {
	GinkgoHelper()
	ExpectAnnotated(ctx, d, v1alpha1.AnnotationApprove, text)
}

// loseVolumes deletes claims with their pods, and waits until others are there.
func loseVolumes(ctx context.Context, s *Scene, ordinals ...int) {
	GinkgoHelper()
	before := map[string]types.UID{}
	for _, i := range ordinals {
		var claim corev1.PersistentVolumeClaim
		member := World.Layout(s.Key("db")).Member(int32(i))
		name := "data-" + member
		Expect(s.Get(ctx, name, &claim)).To(Succeed())
		before[name] = claim.UID
		s.Remove(ctx, &corev1.PersistentVolumeClaim{}, name)
		s.Remove(ctx, &corev1.Pod{}, member)
	}
	Eventually(func(g Gomega) {
		for name, uid := range before {
			var claim corev1.PersistentVolumeClaim
			g.Expect(s.Get(ctx, name, &claim)).To(Succeed())
			g.Expect(claim.UID).NotTo(Equal(uid), "%s, deleted %v", name, claim.DeletionTimestamp)
		}
	}).Should(Succeed())
}
