// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/retry"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// volumeReconciler removes volumes that nobody claims any more, and mounts those that a restart of the host unmounted.
type volumeReconciler struct {
	client   client.Client
	live     client.Reader
	recorder events.EventRecorder
	disks    disks
}

// Reconcile does what dispose says about one volume.
func (r *volumeReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	pv := &corev1.PersistentVolume{}
	if err := r.live.Get(ctx, request.NamespacedName, pv); err != nil {
		return ctrl.Result{}, wrapUnlessGone("reading the volume", err)
	}
	if !isOurs(pv) {
		return ctrl.Result{}, nil
	}
	at, err := r.disks.placeOf(pv.Spec.Local.Path, pv.Name)
	if err != nil {
		r.failed(pv, "VolumeFailed", err)
		return ctrl.Result{}, nil // Another directory's: no retry makes it ours.
	}
	switch dispose(pv) {
	case reclaim:
		err = r.reclaim(ctx, pv, at)
	case release:
		err = r.dropFinalizer(ctx, pv)
	default:
		if err = r.disks.attach(ctx, at, kindOfVolume(pv)); err != nil {
			r.failed(pv, "VolumeFailed", err)
		}
	}
	return ctrl.Result{}, err
}

// reclaim removes the volume from the host, then its object.
func (r *volumeReconciler) reclaim(ctx context.Context, pv *corev1.PersistentVolume, at place) error {
	if err := r.disks.remove(at); err != nil {
		r.failed(pv, "VolumeFailedDelete", err)
		return fmt.Errorf("removing volume %s from node %s: %w", pv.Name, at.node, err)
	}
	if pv.DeletionTimestamp.IsZero() {
		err := r.client.Delete(ctx, pv, client.Preconditions{UID: &pv.UID})
		if err != nil {
			return wrapUnlessGone("deleting volume "+pv.Name, err)
		}
	}
	return r.dropFinalizer(ctx, pv)
}

// dropFinalizer lets the object go. It repeats the change if another finalizer goes meanwhile, as that of Kubernetes
// does right after the deletion.
func (r *volumeReconciler) dropFinalizer(ctx context.Context, pv *corev1.PersistentVolume) error {
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := r.live.Get(ctx, client.ObjectKeyFromObject(pv), pv); err != nil {
			return err //nolint:wrapcheck // wrapped below.
		}
		before := pv.DeepCopy()
		if !controllerutil.RemoveFinalizer(pv, finalizer) {
			return nil
		}
		patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
		return r.client.Patch(ctx, pv, patch)
	})
	return wrapUnlessGone("letting volume "+pv.Name+" go", err)
}

// failed records a warning about the volume, cut to what an event can hold.
func (r *volumeReconciler) failed(pv *corev1.PersistentVolume, reason string, err error) {
	r.recorder.Eventf(pv, nil, corev1.EventTypeWarning, reason, "Reclaim", "%.1000s", err)
}
