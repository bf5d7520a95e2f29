// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAPodWithoutANodeIsNotStuckAtOnce(t *testing.T) {
	found := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	pod := memberPod()
	pod.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, LastTransitionTime: metav1.NewTime(found),
	}}
	for after, want := range map[time.Duration]bool{0: true, 14 * time.Second: true, 15 * time.Second: false, time.Hour: false} {
		if got := lately(pod, found.Add(after)); got != want {
			t.Errorf("after %s: %t, want %t", after, got, want)
		}
	}
	if lately(pod, time.Time{}) || lately(memberPod(), found) {
		t.Error("without a clock, or without the scheduler's word, nothing is lately")
	}
}
