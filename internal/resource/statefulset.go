// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// revisionHistory bounds the old revisions that are kept: with OnDelete the
// last good template is known from the annotation, not from these.
const revisionHistory = 2

// StatefulSets run the members: one of them all, or one for each rack. All pods are
// made at once, since each waits at its gate, and none is replaced but by the
// operator. They never delete a claim.
//
// Existing is what is there, or nil: then all is rendered, also where one was
// there before. Where there are several it is the one that leads, and the others
// follow it: they have its template, with what is of their own rack, and its record,
// whatever they had before. So they get alike again after a write of them that was cut
// short. With writeTemplate false the template stays as it was last
// written, whatever the specification says now and whichever operator wrote it;
// a change that somebody else made to it is undone. The one that PutBack was
// given comes before both.
// The claims' templates stay in any case: the API server lets nobody change
// them.
func (b Builder) StatefulSets(existing *appsv1.StatefulSet, writeTemplate bool) []*appsv1.StatefulSet {
	w, sizes := b.written(existing, writeTemplate), b.layout.Sizes(b.in.Replicas)
	var out []*appsv1.StatefulSet
	for i, name := range b.layout.StatefulSets() {
		out = append(out, b.statefulSet(name, sizes[i], b.inRack(i), w))
	}
	return out
}

func (b Builder) statefulSet(name string, size int32, where place, w written) *appsv1.StatefulSet {
	meta := b.meta(name, ComponentServer)
	meta.Labels = merged(meta.Labels, where.labels)
	meta.Annotations = map[string]string{WrittenAnnotation: w.text()}
	return stamped(&appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: "StatefulSet"},
		ObjectMeta: meta,
		Spec: appsv1.StatefulSetSpec{
			Replicas:            ptr.To(size),
			ServiceName:         HeadlessName(b.d.Name),
			Selector:            &metav1.LabelSelector{MatchLabels: merged(SelectorLabels(b.d.Name), where.labels)},
			PodManagementPolicy: appsv1.ParallelPodManagement,
			UpdateStrategy:      appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType},
			PersistentVolumeClaimRetentionPolicy: &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{
				WhenDeleted: appsv1.RetainPersistentVolumeClaimRetentionPolicyType,
				WhenScaled:  appsv1.RetainPersistentVolumeClaimRetentionPolicyType,
			},
			RevisionHistoryLimit: ptr.To[int32](revisionHistory),
			Template:             where.put(w.Template),
			VolumeClaimTemplates: w.Claims,
		},
	})
}

// written is what is to be written, with its record of what was before.
func (b Builder) written(existing *appsv1.StatefulSet, writeTemplate bool) written {
	if existing == nil {
		return written{Template: b.podTemplate(), Claims: []corev1.PersistentVolumeClaim{b.claimTemplate()}}
	}
	last := lastWritten(existing)
	w := last
	before := TemplateOf(&last.Template)
	switch {
	case b.given != nil:
		w.Template = *b.given
		if before != TemplateOf(b.given) {
			w.Failed = before
		}
		return w
	case writeTemplate:
		w.Template = b.podTemplate()
	}
	after := TemplateOf(&w.Template)
	if before != after && b.in.Proven {
		w.Good = &last.Template
	}
	if before != after || after == b.TemplateHash() {
		w.Failed = ""
	}
	return w
}

// claimTemplate is that of the members' claims. Its labels are what a claim is
// found and told apart by when nothing else is left; nothing in it may follow
// from what can change.
func (b Builder) claimTemplate() corev1.PersistentVolumeClaim {
	storage := b.d.Spec.Storage
	return corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name:   ClaimTemplate(b.d),
			Labels: map[string]string{DatastoreLabel: b.d.Name, ClusterIDLabel: b.in.ClusterID},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: storage.ClassName,
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: storage.Size},
			},
		},
	}
}

// ClaimSize returns the size that every claim of a member is to have. A claim
// that is larger, since its storage rounds up, is not to be made smaller.
func (b Builder) ClaimSize() apiresource.Quantity {
	return b.d.Spec.Storage.Size.DeepCopy()
}
