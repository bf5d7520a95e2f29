// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/internal/resource"
)

// remount brings what a running pod has mounted of the members' Secret up to
// date. A kubelet takes a minute for it; this one does it as soon as it sees
// the change. A Secret that is gone stays mounted as it was.
func (k *podKeeper) remount(ctx context.Context, pod *corev1.Pod) error {
	key := client.ObjectKey{Namespace: pod.Namespace, Name: resource.MemberSecretName(pod.Labels[resource.DatastoreLabel])}
	var now metav1.PartialObjectMetadata
	now.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := k.seen.Get(ctx, key, &now); err != nil {
		return client.IgnoreNotFound(err)
	}
	if has, _ := k.mounted.Load(pod.UID); has == now.ResourceVersion {
		return nil
	}
	var secret corev1.Secret
	if err := k.Get(ctx, key, &secret); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil
		}
		return fmt.Errorf("mount %s in %s: %w", key.Name, pod.Name, err)
	}
	k.mounted.Store(pod.UID, secret.ResourceVersion)
	k.world.Mount(pod.UID, secret.Data)
	return nil
}
