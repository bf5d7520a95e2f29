// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package adoption

import (
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/resource"
)

// Found is what the API server shows of a set that was made by hand, and what is to
// take its place.
type Found struct {
	Datastore *v1alpha1.Datastore
	Engine    engine.Engine
	// Image is the server's by the specification.
	Image string
	// ClusterID is the identity of the set where the adoption was agreed to; empty
	// before.
	ClusterID string
	// Template is that of our pods.
	Template corev1.PodTemplateSpec

	StatefulSet *appsv1.StatefulSet
	// Pods and Claims are by name of the pod; those that do not exist are missing.
	Pods   map[string]*corev1.Pod
	Claims map[string]*corev1.PersistentVolumeClaim
	// Service gives the pods their names; nil where there is none.
	Service *corev1.Service
	// Configs are the contents of the ConfigMaps that ConfigMaps names, by name.
	Configs map[string]map[string]string
	// Taken are objects of others under names that are needed, by kind and name.
	Taken []string
	// SecretProblems are what is wrong with the Secrets that spec.adopt names, see Value.
	SecretProblems []string
}

// Members are the names of the pods that there shall be, by ordinal.
func (f Found) Members() []string {
	var out []string
	for i := range ptr.Deref(f.StatefulSet.Spec.Replicas, 1) {
		out = append(out, layout.New(f.Datastore.Name).Member(i))
	}
	return out
}

// Obstacles returns what is in the way, the most general first; none where nothing is.
func (f Found) Obstacles() []string {
	var out []string
	for _, look := range []func() []string{f.consent, f.set, f.claimTemplates, f.service, f.names, f.pod, f.container, f.secrets, f.members, f.specification} {
		out = append(out, look()...)
	}
	return out
}

// consent is the word of whoever owns the StatefulSet. Creating a Datastore alone must
// not take over what is somebody else's.
func (f Found) consent() []string {
	if f.StatefulSet.Annotations[v1alpha1.AnnotationAdoptableBy] == f.Datastore.Name {
		return nil
	}
	return []string{fmt.Sprintf("its owner has not agreed: set the annotation %s=%s on the StatefulSet", v1alpha1.AnnotationAdoptableBy, f.Datastore.Name)}
}

func (f Found) set() []string {
	var out []string
	s := f.StatefulSet
	if c := metav1.GetControllerOf(s); c != nil {
		out = append(out, fmt.Sprintf("it belongs to %s %s, which would make it anew: remove that one first", c.Kind, c.Name))
	}
	if n := ptr.Deref(s.Spec.Replicas, 1); n != f.Datastore.DesiredReplicas() {
		out = append(out, fmt.Sprintf("it has %d replicas: set spec.replicas to %d until it is adopted", n, n))
	}
	if o := s.Spec.Ordinals; o != nil && o.Start != 0 {
		out = append(out, fmt.Sprintf("its first ordinal is %d: members are numbered from 0", o.Start))
	}
	if p := s.Spec.PersistentVolumeClaimRetentionPolicy; p != nil && p.WhenDeleted == appsv1.DeletePersistentVolumeClaimRetentionPolicyType {
		out = append(out, "its claims go with it: set its persistentVolumeClaimRetentionPolicy.whenDeleted to Retain")
	}
	return out
}

func (f Found) claimTemplates() []string {
	var names []string
	for _, t := range f.StatefulSet.Spec.VolumeClaimTemplates {
		names = append(names, t.Name)
	}
	if len(names) == 1 && names[0] == f.Datastore.Spec.Adopt.ClaimTemplate {
		return nil
	}
	return []string{fmt.Sprintf("its volume claim templates are %q: it must have one, and the Datastore must be created with its name in spec.adopt.claimTemplate", names)}
}

// service looks at the one that gives the pods their names. It stays as it is, so our
// pods must be among those that it selects, and be found before they are ready: a
// server looks for itself under its name when it starts.
func (f Found) service() []string {
	name, s := resource.HeadlessName(f.Datastore.Name), f.Service
	if f.StatefulSet.Spec.ServiceName != name {
		return []string{fmt.Sprintf("its Service is %q: the members can keep their names under the Service %s only", f.StatefulSet.Spec.ServiceName, name)}
	}
	if s == nil {
		return []string{fmt.Sprintf("its Service %s does not exist: create it, without a ClusterIP", name)}
	}
	var out []string
	if s.Spec.ClusterIP != corev1.ClusterIPNone {
		out = append(out, fmt.Sprintf("its Service %s has a ClusterIP, so that it names no pods: the members must be known by the names of a headless one", name))
	}
	if !s.Spec.PublishNotReadyAddresses {
		out = append(out, fmt.Sprintf("its Service %s names pods only when they are ready, and a member must find itself to become so: set spec.publishNotReadyAddresses of it to true", name))
	}
	for _, key := range slices.Sorted(maps.Keys(s.Spec.Selector)) {
		if value := s.Spec.Selector[key]; f.Template.Labels[key] != value {
			out = append(out, fmt.Sprintf("its Service %s selects pods with %s=%s: add that to spec.pod.labels", name, key, value))
		}
	}
	return out
}

func (f Found) names() []string {
	var out []string
	for _, what := range f.Taken {
		out = append(out, fmt.Sprintf("%s exists and is not this Datastore's: remove or rename it", what))
	}
	return out
}

// members looks at each pod with its claim.
func (f Found) members() []string {
	var out []string
	for _, name := range f.Members() {
		if why := f.podAmiss(f.Pods[name]); why != "" {
			out = append(out, fmt.Sprintf("the pod %s %s", name, why))
		}
		if why := f.claimAmiss(f.Claims[name]); why != "" {
			out = append(out, fmt.Sprintf("the claim %s %s", resource.ClaimName(f.Datastore, name), why))
		}
	}
	return out
}

func (f Found) podAmiss(p *corev1.Pod) string {
	switch {
	case p == nil:
		return "does not exist: wait for it"
	case !metav1.IsControlledBy(p, f.StatefulSet):
		return "is not of this StatefulSet"
	case p.DeletionTimestamp != nil:
		return "is being deleted: wait for the next one"
	case !resource.PodReady(p):
		return "is not ready: see to it that it is"
	case len(p.Spec.Containers) != 1 || len(f.StatefulSet.Spec.Template.Spec.Containers) == 1 && p.Spec.Containers[0].Image != f.StatefulSet.Spec.Template.Spec.Containers[0].Image:
		return "was made from another template than the StatefulSet has now: finish its rollout"
	}
	return hooksOfPod(p)
}

func (f Found) claimAmiss(c *corev1.PersistentVolumeClaim) string {
	want := f.Datastore.Spec.Storage
	switch {
	case c == nil:
		return "does not exist"
	case c.DeletionTimestamp != nil:
		return "is being deleted"
	case c.Status.Phase != corev1.ClaimBound:
		return "is not bound"
	case c.Labels[resource.ClusterIDLabel] != "" && c.Labels[resource.ClusterIDLabel] != f.ClusterID:
		return fmt.Sprintf("is of the set %s", c.Labels[resource.ClusterIDLabel])
	case want.ClassName != nil && (c.Spec.StorageClassName == nil || *c.Spec.StorageClassName != *want.ClassName):
		return "has another StorageClass: leave spec.storage.className out, or name that one"
	}
	if have := c.Spec.Resources.Requests[corev1.ResourceStorage]; have.Cmp(want.Size) > 0 {
		return fmt.Sprintf("has %s: set spec.storage.size to that at least", have.String())
	}
	return ""
}

// specification looks at what the Datastore asks for beside the adoption.
func (f Found) specification() []string {
	var out []string
	d := f.Datastore
	if d.Spec.Stopped {
		out = append(out, "spec.stopped is true: take it back until the set is adopted")
	}
	if f.Engine.Traits().Quorum(int(d.DesiredReplicas())) > int(d.DesiredReplicas())-1 && !d.AllowsDowntime() {
		out = append(out, fmt.Sprintf("a set of %d cannot have a member restarted without being without service: set spec.disruption to AllowDowntime", d.DesiredReplicas()))
	}
	return out
}
