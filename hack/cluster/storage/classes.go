// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// Provisioner is the name by which storage classes choose this provisioner.
	Provisioner = "storage.quorate.dev/local"
	// StandardClass is the default class: bare directories.
	StandardClass = "standard"
	// SizedClass is the class of volumes whose size is enforced.
	SizedClass = "sized"

	// kindKey is the parameter of a class and the annotation of a volume that hold its kind.
	kindKey = "storage.quorate.dev/kind"
	// defaultClassAnnotation marks the class that claims without one receive.
	defaultClassAnnotation = "storageclass.kubernetes.io/is-default-class"
)

// kind is how a volume is kept on the host.
type kind string

const (
	// directory is a bare directory, of any size.
	directory kind = "directory"
	// image is a mounted file of exactly the size asked for.
	image kind = "image"
)

// Objects returns the storage classes that this provisioner serves, the default one first. Both wait for the first
// consumer, reclaim by deleting and let claims grow.
func Objects() []client.Object {
	standard := class(StandardClass, directory)
	standard.Annotations = map[string]string{defaultClassAnnotation: "true"}
	return []client.Object{standard, class(SizedClass, image)}
}

// Apply creates the storage classes that are missing. It leaves alone those that exist: nearly all of a class is
// immutable, and what is not is the user's to change.
func Apply(ctx context.Context, cfg *rest.Config) error {
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		return fmt.Errorf("connecting to the cluster: %w", err)
	}
	for _, object := range Objects() {
		if err := c.Create(ctx, object); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("creating storage class %s: %w", object.GetName(), err)
		}
	}
	return nil
}

func class(name string, k kind) *storagev1.StorageClass {
	return &storagev1.StorageClass{
		ObjectMeta:           metav1.ObjectMeta{Name: name},
		Provisioner:          Provisioner,
		Parameters:           map[string]string{kindKey: string(k)},
		ReclaimPolicy:        ptr.To(corev1.PersistentVolumeReclaimDelete),
		VolumeBindingMode:    ptr.To(storagev1.VolumeBindingWaitForFirstConsumer),
		AllowVolumeExpansion: ptr.To(true),
	}
}

// kindOf returns the kind of volume that a class asks for.
func kindOf(class *storagev1.StorageClass) (kind, error) {
	k := directory
	for key, value := range class.Parameters {
		if key != kindKey {
			return "", fmt.Errorf("storage class %s has the unknown parameter %q", class.Name, key)
		}
		k = kind(value)
	}
	if k != directory && k != image {
		return "", fmt.Errorf("storage class %s asks for the unknown kind %q, use %s or %s",
			class.Name, k, directory, image)
	}
	if ptr.Deref(class.VolumeBindingMode, storagev1.VolumeBindingImmediate) != storagev1.VolumeBindingWaitForFirstConsumer {
		return "", errors.New("storage class " + class.Name +
			" binds immediately, but local volumes need volumeBindingMode WaitForFirstConsumer")
	}
	return k, nil
}
