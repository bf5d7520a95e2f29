// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// claimReconciler makes volumes for claims and lets them grow. It reads live: claims change seldom, and a decision
// upon a stale one would put a directory on a node that the scheduler has already given up.
type claimReconciler struct {
	client   client.Client
	live     client.Reader
	recorder events.EventRecorder
	disks    disks
}

// Reconcile provisions for a claim without a volume and grows the volume of one that has it.
func (r *claimReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	claim := &corev1.PersistentVolumeClaim{}
	if err := r.live.Get(ctx, request.NamespacedName, claim); err != nil {
		return ctrl.Result{}, wrapUnlessGone("reading the claim", err)
	}
	if !claim.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	if claim.Spec.VolumeName != "" {
		return ctrl.Result{}, r.expand(ctx, claim)
	}
	return ctrl.Result{}, r.provision(ctx, claim)
}

// provision makes the volume once the volume controller has asked this provisioner for it, and the scheduler has named
// a node. What no node could do is told in an event and left; what this node cannot do is told too, and the scheduler
// is asked for another one.
func (r *claimReconciler) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	if claim.Annotations[storageProvisionerKey] != Provisioner {
		return nil
	}
	class := &storagev1.StorageClass{}
	name := ptr.Deref(claim.Spec.StorageClassName, "")
	if err := r.live.Get(ctx, client.ObjectKey{Name: name}, class); err != nil {
		return wrapUnlessGone("reading storage class "+name, err)
	}
	k, err := kindOf(class)
	if err == nil {
		err = refuse(claim)
	}
	if err != nil {
		r.failed(claim, "ProvisioningFailed", "Provision", err)
		return nil
	}
	if claim.Annotations[selectedNodeAnnotation] == "" {
		return nil
	}
	err = r.live.Get(ctx, client.ObjectKey{Name: volumeName(claim)}, &corev1.PersistentVolume{})
	if !apierrors.IsNotFound(err) {
		return wrapUnlessGone("looking for the volume", err) // Made already: binding is the volume controller's.
	}
	return r.provisionOn(ctx, claim, class, k)
}

// provisionOn makes the volume on the node that the scheduler named: the directory first, so that whoever sees the
// object finds it.
func (r *claimReconciler) provisionOn(
	ctx context.Context, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass, k kind,
) error {
	node := &corev1.Node{}
	name := claim.Annotations[selectedNodeAnnotation]
	if err := r.live.Get(ctx, client.ObjectKey{Name: name}, node); err != nil {
		if apierrors.IsNotFound(err) {
			return r.reschedule(ctx, claim, fmt.Errorf("node %s does not exist", name))
		}
		return fmt.Errorf("reading node %s: %w", name, err)
	}
	host, err := hostname(node)
	if err != nil {
		return r.reschedule(ctx, claim, err)
	}
	at := place{node: name, volume: volumeName(claim)}
	size := requested(claim, k)
	if err := r.disks.create(ctx, at, k, size); err != nil {
		return r.reschedule(ctx, claim, fmt.Errorf("making a volume on node %s: %w", name, err))
	}
	pv := newVolume(claim, class, placement{hostname: host, path: r.disks.path(at), kind: k, size: size})
	if err := r.client.Create(ctx, pv); err != nil {
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return fmt.Errorf("creating volume %s: %w", pv.Name, err)
	}
	r.recorder.Eventf(claim, pv, corev1.EventTypeNormal, "ProvisioningSucceeded", "Provision",
		"Provisioned volume %s on node %s", pv.Name, name)
	return nil
}

// reschedule tells why the node will not do, removes what was made and takes the node's name off the claim, upon which
// the scheduler looks for another. If the scheduler has changed its mind meanwhile, the patch conflicts and is retried
// with the claim as it is then.
func (r *claimReconciler) reschedule(ctx context.Context, claim *corev1.PersistentVolumeClaim, reason error) error {
	r.failed(claim, "ProvisioningFailed", "Provision", reason)
	if err := r.disks.removeElsewhere(place{volume: volumeName(claim)}); err != nil {
		return err
	}
	before := claim.DeepCopy()
	delete(claim.Annotations, selectedNodeAnnotation)
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	return wrapUnlessGone("asking for another node", r.client.Patch(ctx, claim, patch))
}

// failed records a warning about the claim, cut to what an event can hold.
func (r *claimReconciler) failed(claim *corev1.PersistentVolumeClaim, reason, action string, err error) {
	r.recorder.Eventf(claim, nil, corev1.EventTypeWarning, reason, action, "%.1000s", err)
}

// wrapUnlessGone says what was being done when the error came. An object that is gone, or no error, is none.
func wrapUnlessGone(doing string, err error) error {
	if err = client.IgnoreNotFound(err); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
