//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
)

// takeover is an adoption of a set that was made by hand, whatever its engine.
type takeover struct {
	key types.NamespacedName
	// set is the StatefulSet, and claims those of its members, as they were before.
	set    appsv1.StatefulSet
	claims corev1.PersistentVolumeClaimList
	began  time.Time
}

// expectAdoptionPlanned applies a Datastore that adopts the StatefulSet of its name,
// has the owner of that let it, and waits for the plan. Nothing is done yet.
func expectAdoptionPlanned(ctx context.Context, d *v1alpha1.Datastore) *takeover {
	GinkgoHelper()
	By("asking for the adoption")
	t := &takeover{key: client.ObjectKeyFromObject(d)}
	expectApplied(ctx, d)
	Eventually(ctx, t.stalled).Should(HavePrefix(v1alpha1.ReasonAdoptionRefused))
	Expect(k8s.Get(ctx, t.key, &t.set)).To(Succeed())
	before := t.set.DeepCopy()
	metav1.SetMetaDataAnnotation(&t.set.ObjectMeta, v1alpha1.AnnotationAdoptableBy, d.Name)
	Expect(k8s.Patch(ctx, &t.set, client.MergeFrom(before))).To(Succeed())
	Eventually(ctx, t.stalled).Should(HavePrefix(v1alpha1.ReasonAdoptionPlanned))
	Expect(k8s.List(ctx, &t.claims, client.InNamespace(t.key.Namespace))).To(Succeed())
	return t
}

// stalled is the reason why nothing is done and what is said of it, nothing where
// something is.
func (t *takeover) stalled(ctx context.Context) string {
	if c := meta.FindStatusCondition(datastore(ctx, t.key).Status.Conditions, v1alpha1.ConditionStalled); c != nil {
		return c.Reason + ": " + c.Message
	}
	return ""
}

// agree gives the user's word to what is planned.
func (t *takeover) agree(ctx context.Context) {
	GinkgoHelper()
	By("agreeing to it")
	asked := datastore(ctx, t.key)
	agreed := asked.DeepCopy()
	metav1.SetMetaDataAnnotation(&agreed.ObjectMeta, v1alpha1.AnnotationApprove, "adopt:"+t.set.Name+":"+string(t.set.UID))
	Expect(k8s.Patch(ctx, agreed, client.MergeFrom(asked))).To(Succeed())
	t.began = time.Now()
}

// expectDone waits until every member is ours and the set is ready, and kills the
// operator once the first one is. It returns how many pods counted at least at any time.
func (t *takeover) expectDone(ctx context.Context, within time.Duration, counts func(*corev1.Pod) bool) int {
	GinkgoHelper()
	size := int(*t.set.Spec.Replicas)
	fewest, killed := size, false
	Eventually(ctx, func(g Gomega) {
		var pods corev1.PodList
		g.Expect(k8s.List(ctx, &pods, client.InNamespace(t.key.Namespace), client.MatchingLabels(t.set.Spec.Selector.MatchLabels))).To(Succeed())
		counted, ours := 0, 0
		for _, p := range pods.Items {
			if counts(&p) && p.DeletionTimestamp == nil {
				counted++
			}
			if len(p.Spec.InitContainers) > 0 {
				ours++
			}
		}
		fewest = min(fewest, counted)
		if ours > 0 && !killed {
			By("killing the operator while the first member is taken over")
			killed = true
			g.Expect(k8s.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(operatorNamespace), client.GracePeriodSeconds(0))).To(Succeed())
		}
		g.Expect(ours).To(Equal(size))
		g.Expect(meta.IsStatusConditionTrue(datastore(ctx, t.key).Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue(), t.stalled(ctx))
	}).WithTimeout(within).Should(Succeed())
	AddReportEntry("the adoption took", time.Since(t.began).Round(time.Second).String())
	return fewest
}

// expectSameClaims holds that the members have the volumes that they had.
func (t *takeover) expectSameClaims(ctx context.Context) {
	GinkgoHelper()
	var after corev1.PersistentVolumeClaimList
	Expect(k8s.List(ctx, &after, client.InNamespace(t.key.Namespace))).To(Succeed())
	Expect(after.Items).To(HaveLen(len(t.claims.Items)))
	for i := range t.claims.Items {
		Expect(after.Items[i].UID).To(Equal(t.claims.Items[i].UID))
	}
}
