// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
)

// controllerReference makes the Datastore the controller of a child.
func controllerReference(d *v1alpha1.Datastore) metav1.OwnerReference {
	return *metav1.NewControllerRef(d, v1alpha1.SchemeGroupVersion.WithKind(v1alpha1.DatastoreKind))
}

// ClaimOwners returns the owners that a member's claim is to have: with
// RetentionDelete the Datastore is among them, so that garbage collection
// removes the claim after it; with RetentionRetain it is not. It blocks no
// deletion and is no controller: the claim is the StatefulSet's to make.
//
// All others stay as they are and in their order, also a former Datastore of
// the same name, which is for the garbage collector to clear away. The policy
// of a claim that is to stay must be brought about before the Datastore is
// deleted; afterwards nobody does. An equal result has the length of what was
// there.
func ClaimOwners(existing []metav1.OwnerReference, d *v1alpha1.Datastore, policy v1alpha1.RetentionPolicy) []metav1.OwnerReference {
	ours := func(o metav1.OwnerReference) bool { return o.UID == d.UID && isDatastore(o) }
	out := slices.Clone(existing)
	if policy != v1alpha1.RetentionDelete {
		return slices.DeleteFunc(out, ours)
	}
	if d.UID == "" || slices.ContainsFunc(out, ours) {
		return out
	}
	return append(out, metav1.OwnerReference{
		APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: v1alpha1.DatastoreKind, Name: d.Name, UID: d.UID,
		BlockOwnerDeletion: ptr.To(false),
	})
}

// KeepOwners adds the Datastore and each claim, without a controller, to the
// owners of a ledger or a credential, so that garbage collection removes it
// when the last of them is gone and not before.
//
// Owners that are there already stay as they are and in their order, also
// those of others and those that no longer exist: dropping one is the garbage
// collector's work, who alone knows that it is gone for good. New claims follow
// in the order of their names. An equal result has the length of what was there.
func KeepOwners(existing []metav1.OwnerReference, d *v1alpha1.Datastore, claims []*corev1.PersistentVolumeClaim) []metav1.OwnerReference {
	out := slices.Clone(existing)
	add := func(ref metav1.OwnerReference) {
		known := slices.ContainsFunc(out, func(o metav1.OwnerReference) bool { return o.UID == ref.UID })
		if ref.UID != "" && !known {
			out = append(out, ref)
		}
	}
	add(metav1.OwnerReference{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: v1alpha1.DatastoreKind, Name: d.Name, UID: d.UID})
	sorted := slices.SortedFunc(slices.Values(claims), func(a, b *corev1.PersistentVolumeClaim) int {
		return strings.Compare(a.Name, b.Name)
	})
	for _, c := range sorted {
		add(metav1.OwnerReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Name: c.Name, UID: c.UID})
	}
	return out
}
