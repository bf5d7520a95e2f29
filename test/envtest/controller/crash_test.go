// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"

	. "github.com/quorate/quorate/test/stage"
)

var _ = DescribeTable("An operator that dies at any moment is followed by one that goes on",
	func(ctx context.Context, story Story) { story.EveryDeath(ctx, stride) },
	Entry("with a formation", Story{Act: Form}),
	Entry("with a shrinkage", Story{Before: Formed, Act: ScaleTo(2)}),
	Entry("with a growth", Story{Before: Formed, Act: ScaleTo(4)}),
	Entry("with a recovery", Story{Before: func(ctx context.Context, d *v1alpha1.Datastore) {
		Formed(ctx, d)
		loseVolumes(ctx, &Scene{Namespace: d.Namespace}, 1, 2)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonMajorityLost, "recover:db-0:1"))
	}, Act: func(ctx context.Context, d *v1alpha1.Datastore) {
		approve(ctx, d, "recover:db-0:1")
	}}),
	Entry("with a set that is given up", Story{Before: func(ctx context.Context, d *v1alpha1.Datastore) {
		Formed(ctx, d)
		loseVolumes(ctx, &Scene{Namespace: d.Namespace}, 0, 1, 2)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataLost, "start-empty:db:"))
	}, Act: func(ctx context.Context, d *v1alpha1.Datastore) {
		approve(ctx, d, "start-empty:db:"+d.Status.ClusterID)
	}, Formations: 2}),
)

// These have few effects that the others do not have, so that fewer deaths are told.
var _ = DescribeTable("An operator that dies now and then is followed by one that goes on",
	func(ctx context.Context, story Story) { story.EveryDeath(ctx, 3*stride) },
	Entry("with a rollout", Story{Before: Formed, Act: change(func(d *v1alpha1.Datastore) {
		d.Spec.Pod.Labels = map[string]string{"tier": "gold"}
	})}),
	Entry("with a switchover", Story{Before: Formed, Act: change(func(d *v1alpha1.Datastore) {
		metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationSwitchover, "db-2")
	})}),
	Entry("with a start", Story{Before: func(ctx context.Context, d *v1alpha1.Datastore) {
		Formed(ctx, d)
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Stopped = true })
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonStopped))
	}, Act: change(func(d *v1alpha1.Datastore) { d.Spec.Stopped = false })}),
	Entry("with the loss of a volume", Story{Before: Formed, Act: func(ctx context.Context, d *v1alpha1.Datastore) {
		loseVolumes(ctx, &Scene{Namespace: d.Namespace}, 1)
	}}),
)

// What is left to do then is not in the size any more: the Service, the entry in the
// ledger and the claim must be found by what there is.
var _ = It("An operator that dies when the StatefulSet has shrunk, before the status says so, is followed by one that cleans up", func(ctx context.Context) {
	Abreast(func(each func(func())) {
		for policy, claims := range map[v1alpha1.RetentionPolicy][]string{
			v1alpha1.RetentionRetain: {"data-db-0", "data-db-1", "data-db-2"},
			v1alpha1.RetentionDelete: {"data-db-0", "data-db-1"},
		} {
			each(func() {
				Story{Before: func(ctx context.Context, d *v1alpha1.Datastore) {
					d.Spec.Storage.Retention.WhenScaled = policy
					Formed(ctx, d)
				}, Act: ScaleTo(2), Check: func(ctx context.Context, s *Scene) {
					expectKept(ctx, s, claims...)
					var ledger corev1.ConfigMap
					Expect(s.Get(ctx, "db-ledger", &ledger)).To(Succeed())
					Expect(fmt.Sprint(ledger.Data)).To(And(ContainSubstring("db-1"), Not(ContainSubstring("db-2"))))
				}}.DeathAt(ctx, "apply statefulsets db")
			})
		}
	})
})

// change changes a Datastore.
func change(how func(*v1alpha1.Datastore)) func(context.Context, *v1alpha1.Datastore) {
	return func(ctx context.Context, d *v1alpha1.Datastore) {
		GinkgoHelper()
		ExpectChanged(ctx, d, how)
	}
}
