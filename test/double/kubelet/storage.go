// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Slow is a StorageClass's label by which its storage does not enlarge volumes
// for now.
const Slow = "example.com/slow"

// storage binds claims that name a class, and enlarges their volumes. Whether a
// claim may ask for more is judged by the API server itself.
type storage struct{ client.Client }

// VolumeOf is the name of the volume that a claim is bound to. Nobody makes it.
func VolumeOf(claim *corev1.PersistentVolumeClaim) string { return "volume-of-" + string(claim.UID) }

func (k *storage) setup(mgr manager.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("storage").For(&corev1.PersistentVolumeClaim{}).
		Watches(&storagev1.StorageClass{}, handler.EnqueueRequestsFromMapFunc(k.claimsOf)).Complete(k)
	if err != nil {
		return fmt.Errorf("set up the double of the storage: %w", err)
	}
	return nil
}

func (k *storage) claimsOf(ctx context.Context, class client.Object) []reconcile.Request {
	var claims corev1.PersistentVolumeClaimList
	if k.List(ctx, &claims) != nil {
		return nil
	}
	var out []reconcile.Request
	for _, c := range claims.Items {
		if c.Spec.StorageClassName != nil && *c.Spec.StorageClassName == class.GetName() {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&c)})
		}
	}
	return out
}

// Reconcile binds a claim, or gives it what it asks for.
func (k *storage) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var claim corev1.PersistentVolumeClaim
	if err := k.Get(ctx, req.NamespacedName, &claim); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if claim.DeletionTimestamp != nil || claim.Spec.StorageClassName == nil {
		return ctrl.Result{}, nil
	}
	if claim.Spec.VolumeName == "" {
		before := claim.DeepCopy()
		claim.Spec.VolumeName = VolumeOf(&claim)
		if err := k.Patch(ctx, &claim, client.MergeFrom(before)); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
	}
	var class storagev1.StorageClass
	if err := k.Get(ctx, client.ObjectKey{Name: *claim.Spec.StorageClassName}, &class); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	_, slow := class.Labels[Slow]
	asked, has := claim.Spec.Resources.Requests.Storage(), claim.Status.Capacity.Storage()
	if claim.Status.Phase == corev1.ClaimBound && (slow || has.Cmp(*asked) >= 0) {
		return ctrl.Result{}, nil
	}
	before := claim.DeepCopy()
	claim.Status.Phase = corev1.ClaimBound
	claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: *asked}
	return ctrl.Result{}, client.IgnoreNotFound(k.Status().Patch(ctx, &claim, client.MergeFrom(before)))
}
