// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// expand gives a bound claim the size that it asks for: first the volume on the host, then the object of the volume,
// then the claim's status, so that nobody is told of space that is not there yet. Each step is left out when it is
// done, hence a crash between two of them is made good by the next call. Nothing is ever made smaller.
func (r *claimReconciler) expand(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	if claim.Status.Phase != corev1.ClaimBound {
		return nil // The volume controller sets the claim's first capacity.
	}
	pv := &corev1.PersistentVolume{}
	if err := r.live.Get(ctx, client.ObjectKey{Name: claim.Spec.VolumeName}, pv); err != nil {
		return wrapUnlessGone("reading the claim's volume", err)
	}
	if !isOurs(pv) || pv.Spec.ClaimRef == nil || pv.Spec.ClaimRef.UID != claim.UID {
		return nil
	}
	size := requested(claim, kindOfVolume(pv))
	if pv.Spec.Capacity.Storage().CmpInt64(size) < 0 {
		if err := r.growVolume(ctx, pv, size); err != nil {
			r.failed(claim, "VolumeResizeFailed", "Expand", err)
			return err
		}
	}
	capacity := *pv.Spec.Capacity.Storage()
	if claim.Status.Capacity.Storage().Cmp(capacity) >= 0 {
		return nil
	}
	before := claim.DeepCopy()
	if claim.Status.Capacity == nil {
		claim.Status.Capacity = corev1.ResourceList{}
	}
	claim.Status.Capacity[corev1.ResourceStorage] = capacity
	if err := r.client.Status().Patch(ctx, claim, client.MergeFrom(before)); err != nil {
		return wrapUnlessGone("raising the claim's capacity", err)
	}
	r.recorder.Eventf(claim, pv, corev1.EventTypeNormal, "VolumeResizeSuccessful", "Expand",
		"Volume %s now has %s", pv.Name, capacity.String())
	return nil
}

// growVolume raises the volume and then its object to a size in bytes.
func (r *claimReconciler) growVolume(ctx context.Context, pv *corev1.PersistentVolume, size int64) error {
	at, err := r.disks.placeOf(pv.Spec.Local.Path, pv.Name)
	if err != nil {
		return err
	}
	if err := r.disks.grow(ctx, at, kindOfVolume(pv), size); err != nil {
		return fmt.Errorf("growing volume %s: %w", pv.Name, err)
	}
	before := pv.DeepCopy()
	pv.Spec.Capacity[corev1.ResourceStorage] = quantity(size)
	if err := r.client.Patch(ctx, pv, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("raising the capacity of volume %s: %w", pv.Name, err)
	}
	return nil
}
