// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
)

// Kinds are those of everything that a Datastore is made of.
func Kinds() []client.ObjectList {
	return []client.ObjectList{
		&v1alpha1.DatastoreList{}, &appsv1.StatefulSetList{}, &corev1.ServiceList{}, &corev1.ConfigMapList{}, &corev1.SecretList{},
		&networkingv1.NetworkPolicyList{}, &networkingv1.IngressList{}, &policyv1.PodDisruptionBudgetList{}, &corev1.PersistentVolumeClaimList{}, &corev1.PodList{},
	}
}

// Objects lists all of these kinds in a namespace.
func Objects(ctx context.Context, c client.Client, namespace string) ([]client.Object, error) {
	var out []client.Object
	for _, list := range Kinds() {
		if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, fmt.Errorf("list: %w", err)
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			return nil, fmt.Errorf("read a list: %w", err)
		}
		for _, item := range items {
			o := item.(client.Object)
			gvk, err := c.GroupVersionKindFor(o)
			if err != nil {
				return nil, fmt.Errorf("name a kind: %w", err)
			}
			o.GetObjectKind().SetGroupVersionKind(gvk)
			out = append(out, o)
		}
	}
	return out, nil
}

// CollectGarbage deletes, as the garbage collector does in the background, what
// has owners of which none exists any more. One call is one round; it returns
// how much it deleted.
func CollectGarbage(ctx context.Context, c client.Client, namespace string) (int, error) {
	objects, err := Objects(ctx, c, namespace)
	if err != nil {
		return 0, err
	}
	alive := map[types.UID]bool{}
	for _, o := range objects {
		alive[o.GetUID()] = true
	}
	n := 0
	for _, o := range objects {
		if o.GetDeletionTimestamp() != nil || !orphaned(o.GetOwnerReferences(), alive) {
			continue
		}
		uid := o.GetUID()
		err := c.Delete(ctx, o, client.Preconditions{UID: &uid})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return n, fmt.Errorf("collect %s: %w", o.GetName(), err)
		}
		n++
	}
	return n, nil
}

func orphaned(owners []metav1.OwnerReference, alive map[types.UID]bool) bool {
	for _, ref := range owners {
		if alive[ref.UID] {
			return false
		}
	}
	return len(owners) > 0
}
