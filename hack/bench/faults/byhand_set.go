// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
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
