// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

const (
	selectedNodeAnnotation  = "volume.kubernetes.io/selected-node"
	storageProvisionerKey   = "volume.kubernetes.io/storage-provisioner"
	provisionedByAnnotation = "pv.kubernetes.io/provisioned-by"

	// finalizer keeps a volume's object until its directory is removed, also when the object is deleted first.
	finalizer = "storage.quorate.dev/directory"

	// minImage is the smallest image in bytes: XFS needs some 10 MiB to start with.
	minImage = 16 << 20
	// imageStep is what the size of an image is rounded up to, in bytes: a block of its file system.
	imageStep = 4 << 10
)

// isOurs tells whether this provisioner made the volume.
func isOurs(pv *corev1.PersistentVolume) bool {
	return pv.Annotations[provisionedByAnnotation] == Provisioner && pv.Spec.Local != nil
}

// kindOfVolume returns how the volume is kept on the host.
func kindOfVolume(pv *corev1.PersistentVolume) kind { return kind(pv.Annotations[kindKey]) }

// volumeName is the name of the volume of a claim. It follows from the claim's UID, so that a second attempt, after
// any crash, finds what the first one made, and a new claim of the same name does not.
func volumeName(claim *corev1.PersistentVolumeClaim) string { return "pvc-" + string(claim.UID) }

// requested returns the size in bytes that the claim asks for, raised to what the kind can offer.
func requested(claim *corev1.PersistentVolumeClaim, k kind) int64 {
	want := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	size := want.Value()
	if k != image {
		return size
	}
	return (max(size, minImage) + imageStep - 1) / imageStep * imageStep
}

// quantity writes a size in bytes as the claim's user would, in binary units.
func quantity(size int64) resource.Quantity { return *resource.NewQuantity(size, resource.BinarySI) }

// refuse returns why the claim cannot be served on any node, or nil.
func refuse(claim *corev1.PersistentVolumeClaim) error {
	if ptr.Deref(claim.Spec.VolumeMode, corev1.PersistentVolumeFilesystem) != corev1.PersistentVolumeFilesystem {
		return errors.New("only volumes with volumeMode Filesystem are provisioned")
	}
	for _, mode := range claim.Spec.AccessModes {
		if mode != corev1.ReadWriteOnce && mode != corev1.ReadWriteOncePod {
			return fmt.Errorf("access mode %s needs a volume that several nodes reach, local ones are not", mode)
		}
	}
	if claim.Spec.DataSource != nil || claim.Spec.DataSourceRef != nil {
		return errors.New("volumes cannot be provisioned from a data source")
	}
	if claim.Spec.Selector != nil {
		return errors.New("a claim with a selector is bound to existing volumes only")
	}
	return nil
}

// hostname returns the label by which a volume is tied to the node.
func hostname(node *corev1.Node) (string, error) {
	name := node.Labels[corev1.LabelHostname]
	if name == "" {
		return "", fmt.Errorf("node %s has no label %s", node.Name, corev1.LabelHostname)
	}
	return name, nil
}

// placement is where a claim's volume goes and what it is.
type placement struct {
	hostname string
	path     string
	kind     kind
	size     int64 // Bytes.
}

// newVolume returns the object of a claim's volume, tied to the claim by UID and to the node by its hostname.
func newVolume(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass, p placement) *corev1.PersistentVolume {
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: volumeName(claim),
			Annotations: map[string]string{
				provisionedByAnnotation: Provisioner,
				kindKey:                 string(p.kind),
			},
		},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:    corev1.ResourceList{corev1.ResourceStorage: quantity(p.size)},
			AccessModes: claim.Spec.AccessModes,
			VolumeMode:  ptr.To(corev1.PersistentVolumeFilesystem),
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeReclaimPolicy: ptr.Deref(class.ReclaimPolicy, corev1.PersistentVolumeReclaimDelete),
			StorageClassName:              class.Name,
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{
					MatchExpressions: []corev1.NodeSelectorRequirement{{
						Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{p.hostname},
					}},
				}},
			}},
			PersistentVolumeSource: corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: p.path}},
		},
	}
	controllerutil.AddFinalizer(pv, finalizer)
	return pv
}

// disposal is what has to be done about a volume.
type disposal int

const (
	// keep: the volume is, or may come to be, in use, or somebody wants it retained.
	keep disposal = iota
	// release: the object goes and the directory stays, since the policy is Retain.
	release
	// reclaim: the directory is removed, then the object.
	reclaim
)

// dispose decides about a volume of ours. A volume is reclaimed when its claim is gone, which the phase Released says,
// or when its object is being deleted and Kubernetes' own protection of bound volumes has been lifted.
func dispose(pv *corev1.PersistentVolume) disposal {
	unprotected := !pv.DeletionTimestamp.IsZero() && len(pv.Finalizers) == 1 && pv.Finalizers[0] == finalizer
	switch {
	case pv.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete:
		if unprotected {
			return release
		}
		return keep
	case unprotected, pv.Status.Phase == corev1.VolumeReleased:
		return reclaim
	default:
		return keep
	}
}
