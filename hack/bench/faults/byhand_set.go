// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// handSet is the name of a StatefulSet that a person looks after with kubectl.
type handSet string

// change patches its specification.
func (s handSet) change(ctx context.Context, st *stage, spec object) error {
	return st.patch(ctx, &appsv1.StatefulSet{}, string(s), object{"spec": spec})
}

// rollout does what kubectl rollout restart does.
func (s handSet) rollout(ctx context.Context, st *stage) error {
	return s.change(ctx, st, object{"template": object{"metadata": object{"annotations": object{
		rolloutAnnotation: time.Now().UTC().Format(time.RFC3339),
	}}}})
}

// run does what kubectl set image does.
func (s handSet) run(ctx context.Context, st *stage, container, image string) error {
	change := object{"spec": object{"template": object{"spec": object{"containers": []object{{"name": container, "image": image}}}}}}
	return st.patchAs(ctx, types.StrategicMergePatchType, &appsv1.StatefulSet{}, string(s), change)
}

// handmade are the objects of a tutorial's manifest, with its StatefulSet in shape.
func handmade(scheme *runtime.Scheme, manifest string, s setup, image string) ([]client.Object, error) {
	objects, err := decode(scheme, manifest)
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		if set, ok := o.(*appsv1.StatefulSet); ok {
			if err := s.shape(set, image); err != nil {
				return nil, err
			}
		}
	}
	return objects, nil
}

// shape gives a tutorial's StatefulSet the size, version, environment and volumes of a
// play. The image is without its tag, which is the version.
func (s setup) shape(set *appsv1.StatefulSet, image string) error {
	size, err := resource.ParseQuantity(s.storage)
	if err != nil {
		return fmt.Errorf("read the size of volumes: %w", err)
	}
	set.Spec.Replicas = &s.size
	server := &set.Spec.Template.Spec.Containers[0]
	server.Image = image + s.version
	for name, value := range s.env {
		server.Env = append(server.Env, corev1.EnvVar{Name: name, Value: value})
	}
	claim := &set.Spec.VolumeClaimTemplates[0].Spec
	claim.Resources.Requests[corev1.ResourceStorage] = size
	if s.class != "" {
		claim.StorageClassName = &s.class
	}
	return nil
}
