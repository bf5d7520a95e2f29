// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/double/kubelet"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/portrait"
	"github.com/quorate/quorate/test/wrappers"
)

// Scene is a namespace of its own.
type Scene struct {
	Namespace string
}

// NewScene makes a namespace. It is not removed again: where nothing removes
// namespaces it would stay for ever in being removed.
func NewScene(ctx context.Context) *Scene {
	GinkgoHelper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "scene-"}}
	Expect(API.Create(ctx, ns)).To(Succeed())
	return &Scene{Namespace: ns.Name}
}

// Operate starts an operator for the scene; it is stopped with the spec, if not
// before. Whatever the spec is about, the operator must not have gone beyond law 11.
func (s *Scene) Operate(ctx context.Context, change ...func(*operator.Options)) *operator.Operator {
	GinkgoHelper()
	o := operator.Options{Config: Config, Scheme: Types, World: World, Mapper: API.RESTMapper(), Namespaces: []string{s.Namespace}}
	for _, c := range change {
		c(&o)
	}
	op, err := operator.Start(ctx, o)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		Expect(op.Stop()).To(Succeed())
		Expect(op.Wire.Excesses()).To(BeEmpty(), "law 11: a manager reads Secrets by name alone, and enters no pod")
	})
	DeferCleanup(s.autopsy) // which is done before
	return op
}

// Sample begins a Datastore of the scene.
func (s *Scene) Sample(name string) *wrappers.DatastoreWrapper {
	return wrappers.MakeDatastore(name).Namespace(s.Namespace)
}

// Key names an object of the scene.
func (s *Scene) Key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: s.Namespace, Name: name}
}

// Get reads an object of the scene.
func (s *Scene) Get(ctx context.Context, name string, into client.Object) error {
	return API.Get(ctx, s.Key(name), into)
}

// Remove deletes an object of the scene by name.
func (s *Scene) Remove(ctx context.Context, o client.Object, name string) {
	GinkgoHelper()
	o.SetNamespace(s.Namespace)
	o.SetName(name)
	Expect(API.Delete(ctx, o)).To(Succeed())
}

// RemoveAll deletes all objects of a kind in the scene.
func (s *Scene) RemoveAll(ctx context.Context, o client.Object) {
	GinkgoHelper()
	Expect(API.DeleteAllOf(ctx, o, client.InNamespace(s.Namespace))).To(Succeed())
}

// Portrait draws a Datastore of the scene.
func (s *Scene) Portrait(ctx context.Context, name string) portrait.Portrait {
	GinkgoHelper()
	p, err := portrait.Of(ctx, API, s.Key(name))
	Expect(err).NotTo(HaveOccurred())
	return p
}

// Objects lists what Datastores in the scene are made of, with themselves.
func (s *Scene) Objects(ctx context.Context) []client.Object {
	GinkgoHelper()
	all, err := kubelet.Objects(ctx, API, s.Namespace)
	Expect(err).NotTo(HaveOccurred())
	out := all[:0]
	for _, o := range all {
		if o.GetName() != "kube-root-ca.crt" { // in every namespace, where there is a controller for it
			out = append(out, o)
		}
	}
	return out
}

// Versions are the resource versions of all objects in the scene, by kind and
// name; of one Datastore where a name is given.
func (s *Scene) Versions(ctx context.Context, datastore ...string) map[string]string {
	GinkgoHelper()
	out := map[string]string{}
	for _, o := range s.Objects(ctx) {
		of := o.GetLabels()[resource.DatastoreLabel]
		if len(datastore) == 0 || of == datastore[0] {
			out[o.GetObjectKind().GroupVersionKind().Kind+" "+o.GetName()] = o.GetResourceVersion()
		}
	}
	return out
}

// Pods are the pods of a Datastore.
func (s *Scene) Pods(ctx context.Context, name string) []corev1.Pod {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(API.List(ctx, &pods, client.InNamespace(s.Namespace), client.MatchingLabels(resource.SelectorLabels(name)))).To(Succeed())
	return pods.Items
}

// PodUIDs are the UIDs of the pods of a Datastore, by name.
func (s *Scene) PodUIDs(ctx context.Context, name string) map[string]types.UID {
	GinkgoHelper()
	out := map[string]types.UID{}
	for _, p := range s.Pods(ctx, name) {
		out[p.Name] = p.UID
	}
	return out
}
