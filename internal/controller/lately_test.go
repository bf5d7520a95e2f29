// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/internal/resource"
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

// runningSince is a pod whose server has run since a time, and whose agent for longer.
func runningSince(began time.Time) *corev1.Pod {
	running := func(name string, at time.Time) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(at)}}}
	}
	p := memberPod()
	p.Status.ContainerStatuses = []corev1.ContainerStatus{
		running(resource.AgentContainer, began.Add(-time.Hour)), running(resource.ServerContainer, began),
	}
	return p
}

func TestBurnedIn(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	pod := runningSince(began)
	after := func(d time.Duration) *snapshot { return &snapshot{now: began.Add(d), burnIn: 10 * time.Minute} }
	for d, want := range map[time.Duration]bool{0: false, 10*time.Minute - time.Second: false, 10 * time.Minute: true} {
		if got := after(d).burnedIn(pod); got != want {
			t.Errorf("after %s: %t, want %t", d, got, want)
		}
	}
	if (&snapshot{}).burnedIn(pod) {
		t.Error("without a clock it has burned in")
	}
	pod.Status.ContainerStatuses[1].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{StartedAt: metav1.NewTime(began)}}
	if after(time.Hour).burnedIn(pod) {
		t.Error("a server that does not run has burned in")
	}
}

func TestWhatIsGivenUpOfAPod(t *testing.T) {
	made := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	running := func(ready corev1.ConditionStatus, since time.Time) *corev1.Pod {
		p := memberPod()
		p.CreationTimestamp = metav1.NewTime(made)
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: resource.ServerContainer, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: ready, LastTransitionTime: metav1.NewTime(since)}}
		return p
	}
	held := memberPod()
	held.CreationTimestamp = metav1.NewTime(made)
	for name, c := range map[string]struct {
		pod   *corev1.Pod
		stuck string
		after time.Duration
		want  bool
	}{
		"stuck for a moment":           {held, "ImagePullBackOff", 44 * time.Second, false},
		"stuck for long":               {held, "ImagePullBackOff", 45 * time.Second, true},
		"held back":                    {held, "", time.Hour, false},
		"runs, not ready for a moment": {running(corev1.ConditionFalse, made), "", 10*time.Minute - 1, false},
		"runs, not ready for long":     {running(corev1.ConditionFalse, made), "", 10 * time.Minute, true},
		"another changed a moment ago": {running(corev1.ConditionFalse, made), "", 10 * time.Minute, false},
		"ready":                        {running(corev1.ConditionTrue, made), "", time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			others := snapshot{pods: map[string]*corev1.Pod{"db-2": c.pod}}
			if strings.HasPrefix(name, "another") {
				others.pods["db-1"] = running(corev1.ConditionTrue, made.Add(time.Minute))
			}
			changed := others.changed()
			if got := failed(c.pod, c.stuck, changed, made.Add(c.after)); (got != "") != c.want {
				t.Errorf("given up: %q", got)
			}
			if got := failed(c.pod, c.stuck, made, time.Time{}); got != "" {
				t.Errorf("given up without a clock: %q", got)
			}
		})
	}
}
