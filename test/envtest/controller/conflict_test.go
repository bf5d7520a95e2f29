// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"

	. "github.com/quorate/quorate/test/stage"
)

// foreigner makes an object of somebody else's under a name.
type foreigner struct {
	suffix string
	make   func(metav1.ObjectMeta) client.Object
}

func foreignService(m metav1.ObjectMeta) client.Object {
	return &corev1.Service{ObjectMeta: m, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "legacy"}, Ports: []corev1.ServicePort{{Port: 80}},
	}}
}

func foreignConfigMap(m metav1.ObjectMeta) client.Object {
	return &corev1.ConfigMap{ObjectMeta: m, Data: map[string]string{"mine": "yes"}}
}

func foreignSecret(m metav1.ObjectMeta) client.Object {
	return &corev1.Secret{ObjectMeta: m, Data: map[string][]byte{"mine": []byte("yes")}}
}

func foreignSet(m metav1.ObjectMeta) client.Object {
	labels := map[string]string{"app": "legacy"}
	return &appsv1.StatefulSet{ObjectMeta: m, Spec: appsv1.StatefulSetSpec{
		Replicas: ptr.To[int32](0), Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "example.com/legacy"}}},
		},
	}}
}

func foreignPolicy(m metav1.ObjectMeta) client.Object {
	return &networkingv1.NetworkPolicy{ObjectMeta: m}
}

var foreigners = []foreigner{
	{"", foreignService}, {"-client", foreignService}, {"-1", foreignService},
	{"-ledger", foreignConfigMap}, {"-config", foreignConfigMap},
	{"-ca", foreignSecret}, {"-manager", foreignSecret}, {"-member", foreignSecret}, {"-connection", foreignSecret},
	{"", foreignPolicy}, {"", foreignSet},
}

var _ = Describe("An object of somebody else's that has a needed name", func() {
	// All at once, since an object without our labels is not watched and its
	// end is seen by the watchdog only.
	It("is neither adopted nor changed, and the Datastore goes on when it is gone", func(ctx context.Context) {
		s := NewScene(ctx)
		var others []client.Object
		var all []*v1alpha1.Datastore
		for i, f := range foreigners {
			name := fmt.Sprintf("d%dx", i)
			o := f.make(metav1.ObjectMeta{Namespace: s.Namespace, Name: name + f.suffix})
			ExpectApplied(ctx, o)
			others = append(others, o)
			all = append(all, s.Sample(name).Replicas(3).Obj())
		}
		s.Operate(ctx)
		for i, d := range all {
			ExpectApplied(ctx, d)
			_ = i
		}
		for i, d := range all {
			By("Datastore " + d.Name + " and " + d.Name + foreigners[i].suffix)
			ExpectDatastore(ctx, d,
				Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConflict, " "+d.Name+foreigners[i].suffix+" exists already", "remove or rename it"),
				Has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonConflict),
				Has(v1alpha1.ConditionFormed, metav1.ConditionFalse, v1alpha1.ReasonNotFormed),
			)
			Expect(d.Status.ObservedGeneration).To(Equal(d.Generation))
		}
		for _, o := range others {
			now := o.DeepCopyObject().(client.Object)
			Expect(API.Get(ctx, client.ObjectKeyFromObject(o), now)).To(Succeed())
			if o.GetGeneration() > 0 { // its own controller may tell of it in the status
				Expect(now.GetGeneration()).To(Equal(o.GetGeneration()), "%T %s was changed", o, o.GetName())
				Expect(now.GetLabels()).To(Equal(o.GetLabels()))
				Expect(now.GetAnnotations()).To(Equal(o.GetAnnotations()))
			} else {
				Expect(now.GetResourceVersion()).To(Equal(o.GetResourceVersion()), "%T %s was changed", o, o.GetName())
			}
			Expect(API.Delete(ctx, o)).To(Succeed())
		}
		for _, d := range all {
			ExpectObjectReconciled(ctx, d)
			Expect(World.Formations(client.ObjectKeyFromObject(d))).To(Equal(1))
			By(d.Name + " goes on")
		}
	})

	It("does not harm a set that has formed", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		Expect(op.Stop()).To(Succeed())

		var service corev1.Service
		Expect(API.Get(ctx, s.Key("db-client"), &service)).To(Succeed())
		Expect(API.Delete(ctx, &service)).To(Succeed())
		other := foreignService(metav1.ObjectMeta{Namespace: s.Namespace, Name: "db-client"})
		ExpectApplied(ctx, other)
		s.Operate(ctx)
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConflict, "Service db-client"),
			Has(v1alpha1.ConditionFormed, metav1.ConditionTrue, v1alpha1.ReasonFormed),
			Has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonAllMembersReady),
		)
		Expect(d.Status.Members).To(HaveLen(3))
		Expect(API.Delete(ctx, other)).To(Succeed())
		ExpectObjectReconciled(ctx, d)
	})
})
