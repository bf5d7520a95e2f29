// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/double/kubelet"
	"github.com/quorate/quorate/test/double/wire"
)

// ExpectApplied stores objects as a user would write them.
func ExpectApplied(ctx context.Context, objects ...client.Object) {
	GinkgoHelper()
	for _, o := range objects {
		Expect(API.Create(ctx, o)).To(Succeed())
	}
}

// ExpectChanged changes a Datastore, whatever else changes it at the same time.
func ExpectChanged(ctx context.Context, d *v1alpha1.Datastore, change func(*v1alpha1.Datastore)) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(API.Get(ctx, client.ObjectKeyFromObject(d), d)).To(Succeed())
		change(d)
		g.Expect(API.Update(ctx, d)).To(Succeed())
	}).Should(Succeed())
}

// ExpectAnnotated puts the user's word on a Datastore, where it is read.
func ExpectAnnotated(ctx context.Context, d *v1alpha1.Datastore, key, value string) {
	GinkgoHelper()
	ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { metav1.SetMetaDataAnnotation(&d.ObjectMeta, key, value) })
}

// ExpectPoked has a Datastore looked at again, by a change that means nothing.
func ExpectPoked(ctx context.Context, d *v1alpha1.Datastore) {
	GinkgoHelper()
	ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) {
		metav1.SetMetaDataAnnotation(&d.ObjectMeta, "example.com/poke", d.ResourceVersion)
	})
}

// ExpectScaled changes the size through the subresource, as kubectl scale does.
func ExpectScaled(ctx context.Context, d *v1alpha1.Datastore, replicas int32) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var scale autoscalingv1.Scale
		g.Expect(API.SubResource("scale").Get(ctx, d, &scale)).To(Succeed())
		scale.Spec.Replicas = replicas
		g.Expect(API.SubResource("scale").Update(ctx, d, client.WithSubResourceBody(&scale))).To(Succeed())
	}).Should(Succeed())
}

// ExpectDatastore waits until a Datastore is as the checks want it, and reads it.
func ExpectDatastore(ctx context.Context, d *v1alpha1.Datastore, checks ...func(Gomega, *v1alpha1.Datastore)) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(API.Get(ctx, client.ObjectKeyFromObject(d), d)).To(Succeed())
		for _, check := range checks {
			check(g, d)
		}
	}).Should(Succeed(), func() string { return "the last status was\n" + StatusText(d) })
}

// ExpectObjectReconciled waits until a Datastore is ready as it is specified
// now, with nothing left to do.
func ExpectObjectReconciled(ctx context.Context, d *v1alpha1.Datastore) {
	GinkgoHelper()
	ExpectDatastore(ctx, d, Reconciled)
}

// Reconciled checks the same.
func Reconciled(g Gomega, d *v1alpha1.Datastore) {
	GinkgoHelper()
	Observed(g, d)
	Has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonAllMembersReady)(g, d)
	Has(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonUpToDate)(g, d)
	Has(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonNotStalled)(g, d)
	// By then the budget is open, which is the last that is written.
	Has(v1alpha1.ConditionDegraded, metav1.ConditionFalse, v1alpha1.ReasonFullTolerance)(g, d)
	g.Expect(d.Status.ReadyReplicas).To(Equal(*d.Spec.Replicas))
	g.Expect(d.Status.Replicas).To(Equal(*d.Spec.Replicas))
}

// Observed checks that the status is about the specification as it is now.
func Observed(g Gomega, d *v1alpha1.Datastore) {
	GinkgoHelper()
	g.Expect(d.Status.ObservedGeneration).To(Equal(d.Generation))
}

// Has checks a condition; each of the texts must be in its message.
func Has(condition string, status metav1.ConditionStatus, reason string, texts ...string) func(Gomega, *v1alpha1.Datastore) {
	return func(g Gomega, d *v1alpha1.Datastore) {
		GinkgoHelper()
		c := meta.FindStatusCondition(d.Status.Conditions, condition)
		g.Expect(c).NotTo(BeNil(), condition)
		g.Expect(c.Reason+" "+string(c.Status)).To(Equal(reason+" "+string(status)), condition+": "+c.Message)
		for _, t := range texts {
			g.Expect(c.Message).To(ContainSubstring(t), condition)
		}
	}
}

// StatusText writes a status for a person.
func StatusText(d *v1alpha1.Datastore) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: generation %d, observed %d, replicas %d, ready %d\n", d.Name, d.Generation, d.Status.ObservedGeneration, d.Status.Replicas, d.Status.ReadyReplicas)
	for _, c := range d.Status.Conditions {
		fmt.Fprintf(&b, "  %s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	for _, m := range d.Status.Members {
		fmt.Fprintf(&b, "  %+v\n", m)
	}
	if d.Status.Plan != nil {
		fmt.Fprintf(&b, "  plan %+v\n", *d.Status.Plan)
	}
	return b.String()
}

// ExpectMembers waits until a Datastore has pods and Services of exactly these
// members.
func ExpectMembers(ctx context.Context, s *Scene, name string, n int) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(s.Pods(ctx, name)).To(HaveLen(n))
		for i := range 9 {
			err := s.Get(ctx, World.Layout(s.Key(name)).Member(int32(i)), &corev1.Service{})
			if i < n {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(HaveOccurred(), "the Service of member %d", i)
			}
		}
	}).Should(Succeed(), func() string {
		var d v1alpha1.Datastore
		if err := s.Get(ctx, name, &d); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("there are %v\n%s", slices.Sorted(maps.Keys(s.Versions(ctx, name))), StatusText(&d))
	})
}

// ExpectCollected runs garbage collection, where no controller does, until it
// has nothing left to do.
func ExpectCollected(ctx context.Context, s *Scene) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		n, err := kubelet.CollectGarbage(ctx, API, s.Namespace)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(n).To(BeZero())
		for _, o := range s.Objects(ctx) {
			g.Expect(o.GetDeletionTimestamp()).To(BeNil(), o.GetName())
		}
	}).Should(Succeed())
}

// aRest is longer than any pause that the controller makes on its way.
const aRest = 500 * time.Millisecond

// ExpectRestOnce waits until an operator has nothing more to do for now: it has
// neither read nor written anything for a while.
func ExpectRestOnce(w *wire.Wire) {
	GinkgoHelper()
	Eventually(w.Quiet).Should(BeNumerically(">", aRest))
}

// ExpectRest waits for that, and forgets what was written until then.
func ExpectRest(w *wire.Wire) {
	GinkgoHelper()
	ExpectRestOnce(w)
	w.Forget()
}

// ExpectPodsDeleted counts the pods that an operator deleted.
func ExpectPodsDeleted(w *wire.Wire, n int) {
	GinkgoHelper()
	Expect(wire.Count(w.Writes())["delete pods"]).To(Equal(n), "pods deleted by the operator")
}
