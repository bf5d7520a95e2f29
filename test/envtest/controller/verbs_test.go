// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apitypes "k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/wire"
	"github.com/quorate/quorate/test/wrappers"
)

// scene is a namespace with its own operator.
type scene struct {
	namespace string
}

func newScene(ctx context.Context) *scene {
	GinkgoHelper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "scene-"}}
	Expect(api.Create(ctx, ns)).To(Succeed())
	return &scene{namespace: ns.Name}
}

// operate starts an operator for the scene; it is stopped with the spec.
func (s *scene) operate(ctx context.Context, change ...func(*operator.Options)) *operator.Operator {
	GinkgoHelper()
	o := operator.Options{Config: cfg, Scheme: types, World: world, Mapper: api.RESTMapper(), Namespaces: []string{s.namespace}}
	for _, c := range change {
		c(&o)
	}
	op, err := operator.Start(ctx, o)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(op.Stop()).To(Succeed()) })
	return op
}

// ExpectApplied stores objects as a user would write them.
func ExpectApplied(ctx context.Context, objects ...client.Object) {
	GinkgoHelper()
	for _, o := range objects {
		Expect(api.Create(ctx, o)).To(Succeed())
	}
}

// ExpectChanged changes the specification of a Datastore, whatever else changes
// it at the same time.
func ExpectChanged(ctx context.Context, d *v1alpha1.Datastore, change func(*v1alpha1.Datastore)) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(api.Get(ctx, client.ObjectKeyFromObject(d), d)).To(Succeed())
		change(d)
		g.Expect(api.Update(ctx, d)).To(Succeed())
	}).Should(Succeed())
}

// ExpectDatastore waits until a Datastore is as the checks want it, and reads it.
func ExpectDatastore(ctx context.Context, d *v1alpha1.Datastore, checks ...func(Gomega, *v1alpha1.Datastore)) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(api.Get(ctx, client.ObjectKeyFromObject(d), d)).To(Succeed())
		for _, check := range checks {
			check(g, d)
		}
	}).Should(Succeed(), func() string { return "the last status was\n" + statusText(d) })
}

// ExpectObjectReconciled waits until a Datastore is ready as it is specified
// now, with nothing left to do.
func ExpectObjectReconciled(ctx context.Context, d *v1alpha1.Datastore) {
	GinkgoHelper()
	ExpectDatastore(ctx, d, reconciled)
}

func reconciled(g Gomega, d *v1alpha1.Datastore) {
	GinkgoHelper()
	g.Expect(d.Status.ObservedGeneration).To(Equal(d.Generation))
	has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonAllMembersReady)(g, d)
	has(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonUpToDate)(g, d)
	has(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonNotStalled)(g, d)
	g.Expect(d.Status.ReadyReplicas).To(Equal(*d.Spec.Replicas))
	g.Expect(d.Status.Replicas).To(Equal(*d.Spec.Replicas))
}

// has checks a condition; each of the texts must be in its message.
func has(condition string, status metav1.ConditionStatus, reason string, texts ...string) func(Gomega, *v1alpha1.Datastore) {
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

func statusText(d *v1alpha1.Datastore) string {
	var b strings.Builder
	fmt.Fprintf(&b, "generation %d, observed %d, replicas %d, ready %d\n", d.Generation, d.Status.ObservedGeneration, d.Status.Replicas, d.Status.ReadyReplicas)
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

// sample starts a Datastore of the scene.
func (s *scene) sample(name string) *wrappers.DatastoreWrapper {
	return wrappers.MakeDatastore(name).Namespace(s.namespace)
}

func (s *scene) key(name string) apitypes.NamespacedName {
	return apitypes.NamespacedName{Namespace: s.namespace, Name: name}
}

// expectReplaced counts the pods that an operator deleted.
func expectReplaced(writes []wire.Write, n int) {
	GinkgoHelper()
	deleted := 0
	for _, w := range writes {
		if w.Verb == "delete" && w.Resource == "pods" && w.Done() {
			deleted++
		}
	}
	Expect(deleted).To(Equal(n), "pods deleted by the operator")
}

// expectRest waits until an operator has nothing more to write, and asserts that
// it stays so.
func expectRest(w *wire.Wire) {
	GinkgoHelper()
	last := -1
	Eventually(func() bool {
		n := len(w.Writes())
		same := n == last
		last = n
		return same
	}).WithPolling(250 * time.Millisecond).Should(BeTrue())
	w.Forget()
	Consistently(w.Writes).WithTimeout(500 * time.Millisecond).Should(BeEmpty())
}
