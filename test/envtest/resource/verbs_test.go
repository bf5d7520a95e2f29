// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"reflect"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine/cassandra/node"
	"github.com/quorate/quorate/internal/engine/consul/consulagent"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/wrappers"
)

const clusterID = "7f0f9f0e-53a5-4b7c-8b0e-1c2d3e4f5a6b"

// strictNamespace makes a namespace that enforces restricted pods, bounds the
// resources of all its pods, and requires them to be stated.
func strictNamespace(ctx context.Context) string {
	GinkgoHelper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "strict-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	Expect(api.Create(ctx, ns)).To(Succeed())
	hard := corev1.ResourceList{}
	for _, name := range []corev1.ResourceName{
		corev1.ResourceRequestsCPU, corev1.ResourceLimitsCPU, corev1.ResourceRequestsMemory, corev1.ResourceLimitsMemory,
	} {
		hard[name] = apiresource.MustParse("100Gi")
	}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "all", Namespace: ns.Name}, Spec: corev1.ResourceQuotaSpec{Hard: hard}}
	Expect(api.Create(ctx, quota)).To(Succeed())
	quota.Status.Hard, quota.Status.Used = hard, corev1.ResourceList{}
	for name := range hard {
		quota.Status.Used[name] = apiresource.MustParse("0")
	}
	Expect(api.Status().Update(ctx, quota)).To(Succeed(), "as the quota controller does")
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: ns.Name}}
	Expect(api.Create(ctx, account)).To(Succeed(), "as the service account controller does")
	return ns.Name
}

// created stores a Datastore and returns it with its UID and defaults.
func created(ctx context.Context, w *wrappers.DatastoreWrapper) *v1alpha1.Datastore {
	GinkgoHelper()
	d := w.Obj()
	Expect(api.Create(ctx, d)).To(Succeed())
	return d
}

func inputOf(d *v1alpha1.Datastore) resource.Input {
	kit := consulagent.Kit()
	if d.Spec.Engine == v1alpha1.EngineCassandra {
		kit = node.Kit()
	}
	return resource.Input{
		Datastore: d, Engine: kit.Engine, ClusterID: clusterID, Replicas: d.DesiredReplicas(),
		ServerImage: kit.Engine.Template(d).Image, AgentImage: "quorate/quorate:dev",
		ClusterDomain: "cluster.local", OperatorNamespace: "quorate-system",
	}
}

// observed reads what the next children follow from.
func observed(ctx context.Context, d *v1alpha1.Datastore) resource.Observed {
	GinkgoHelper()
	first := resource.LayoutOf(d, inputOf(d).Engine).StatefulSets()[0]
	return resource.Observed{
		StatefulSet: read(ctx, &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: first, Namespace: d.Namespace}}),
		Config:      read(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: resource.ConfigName(d.Name), Namespace: d.Namespace}}),
	}
}

// read returns an object as it is stored, or nil.
func read[T client.Object](ctx context.Context, key T) T {
	GinkgoHelper()
	out := reflect.New(reflect.TypeOf(key).Elem()).Interface().(T)
	err := api.Get(ctx, client.ObjectKeyFromObject(key), out)
	Expect(client.IgnoreNotFound(err)).To(Succeed())
	if err != nil {
		var none T
		return none
	}
	return out
}

// applyAll applies what needs it and returns why, by kind and name.
func applyAll(ctx context.Context, in resource.Input, write bool) map[string]string {
	GinkgoHelper()
	b := resource.New(in)
	children := append(b.Children(observed(ctx, in.Datastore), write), b.Connection(map[string][]byte{"management-token": []byte("t")}))
	sent := map[string]string{}
	for _, desired := range children {
		_, why := resource.NeedsApply(desired, read(ctx, desired))
		needs, err := applied(ctx, desired)
		Expect(err).NotTo(HaveOccurred())
		if needs {
			sent[desired.GetObjectKind().GroupVersionKind().Kind+" "+desired.GetName()] = why
		}
	}
	return sent
}

// applied applies an object if it needs it, and tells whether it did.
func applied(ctx context.Context, desired client.Object) (bool, error) {
	GinkgoHelper()
	if needs, _ := resource.NeedsApply(desired, read(ctx, desired)); !needs {
		return false, nil
	}
	sealed, err := resource.Seal(desired)
	if err != nil {
		return false, err
	}
	return true, api.Apply(ctx, client.ApplyConfigurationFromUnstructured(sealed), client.FieldOwner(resource.FieldOwner), client.ForceOwnership)
}
