// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/internal/resource"
)

// CacheOptions limit the manager's cache to objects that bear our label, and
// strip from pods what nothing here reads: a fleet of pods is most of what a
// manager holds in memory. Secrets must not be in it at all (law 11).
func CacheOptions() cache.Options {
	ours := cache.ByObject{Label: labelled()}
	pods := ours
	pods.Transform = stripPod
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&appsv1.StatefulSet{}:           ours,
			&corev1.Service{}:               ours,
			&corev1.ConfigMap{}:             ours,
			&corev1.PersistentVolumeClaim{}: ours,
			&networkingv1.NetworkPolicy{}:   ours,
			&networkingv1.Ingress{}:         ours,
			&policyv1.PodDisruptionBudget{}: ours,
			&corev1.Pod{}:                   pods,
		},
	}
}

// ClientOptions have Secrets read by name when they are needed, and never from a cache,
// which would list and watch all that there are (law 11).
func ClientOptions() client.Options {
	return client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}}
}

func labelled() labels.Selector {
	r, err := labels.NewRequirement(resource.DatastoreLabel, selection.Exists, nil)
	if err != nil {
		panic("the datastore label is not a valid label key: " + err.Error())
	}
	return labels.NewSelector().Add(*r)
}

// stripPod keeps of a pod who it is, where it runs and how its containers are.
func stripPod(o any) (any, error) {
	p, ok := o.(*corev1.Pod)
	if !ok {
		return o, nil
	}
	p.ManagedFields = nil
	spec := corev1.PodSpec{NodeName: p.Spec.NodeName}
	for _, c := range p.Spec.InitContainers {
		if c.Name == resource.AgentContainer || c.Name == resource.InitContainer {
			spec.InitContainers = append(spec.InitContainers, corev1.Container{Name: c.Name, Image: c.Image})
		}
	}
	p.Spec = spec
	p.Annotations = map[string]string{resource.TemplateAnnotation: p.Annotations[resource.TemplateAnnotation]}
	p.ObjectMeta = metav1.ObjectMeta{
		Name: p.Name, Namespace: p.Namespace, UID: p.UID, ResourceVersion: p.ResourceVersion, Labels: p.Labels,
		Annotations: p.Annotations, OwnerReferences: p.OwnerReferences, DeletionTimestamp: p.DeletionTimestamp,
		CreationTimestamp: p.CreationTimestamp, Generation: p.Generation,
	}
	return p, nil
}
