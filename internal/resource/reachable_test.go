// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// A pod without the label is behind no address of a member any more, and still one
// that the StatefulSet, its budget and its network policy know.
func TestReachable(t *testing.T) {
	b := New(input(datastore().Obj()))
	set := b.StatefulSets(nil, true)[0]
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: merged(set.Spec.Template.Labels, map[string]string{"statefulset.kubernetes.io/pod-name": "db-0"})}}
	behind := func() bool {
		return labels.SelectorFromSet(b.MemberService(0).Spec.Selector).Matches(labels.Set(pod.Labels))
	}
	if !Reachable(pod) || !behind() {
		t.Fatalf("a pod as it is made is not behind the address of its member: %v", pod.Labels)
	}
	delete(pod.Labels, ReachableLabel)
	if Reachable(pod) || behind() {
		t.Errorf("a pod without %s is behind the address of its member", ReachableLabel)
	}
	if !labels.SelectorFromSet(set.Spec.Selector.MatchLabels).Matches(labels.Set(pod.Labels)) {
		t.Errorf("the StatefulSet would let go of a pod without %s", ReachableLabel)
	}
}
