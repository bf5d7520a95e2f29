// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import corev1 "k8s.io/api/core/v1"

// ReachableLabel is what a pod has as long as it is behind the stable address of its
// member. Every pod of ours is made with it, and users cannot give it another value.
// It is none that the StatefulSet selects by: a pod without it is still its pod.
const ReachableLabel = appManagedBy

// Reachable tells whether a pod is behind the stable address of its member.
func Reachable(p *corev1.Pod) bool { return p.Labels[ReachableLabel] == FieldOwner }
