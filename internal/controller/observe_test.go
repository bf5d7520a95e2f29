// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// container is a status of a member's container.
func container(name string, changes ...func(*corev1.ContainerStatus)) corev1.ContainerStatus {
	c := corev1.ContainerStatus{Name: name}
	for _, change := range changes {
		change(&c)
	}
	return c
}

func waiting(reason, message string) func(*corev1.ContainerStatus) {
	return func(c *corev1.ContainerStatus) {
		c.State.Waiting = &corev1.ContainerStateWaiting{Reason: reason, Message: message}
	}
}

func running(c *corev1.ContainerStatus) { c.State.Running = &corev1.ContainerStateRunning{} }

func said(message string) func(*corev1.ContainerStatus) {
	return func(c *corev1.ContainerStatus) {
		c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{Message: message}
	}
}

// memberPod is a pod with these containers.
func memberPod(containers ...corev1.ContainerStatus) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: "db-1", UID: "p1", Annotations: map[string]string{resource.TemplateAnnotation: "t1"},
	}}
	p.Spec.InitContainers = []corev1.Container{{Name: resource.AgentContainer}}
	p.Status.ContainerStatuses = containers
	return p
}

func condition(kind corev1.PodConditionType, status corev1.ConditionStatus, reason, message string) corev1.PodCondition {
	return corev1.PodCondition{Type: kind, Status: status, Reason: reason, Message: message}
}

func TestObservePod(t *testing.T) {
	p := memberPod(container(resource.ServerContainer, running))
	p.Status.Conditions = []corev1.PodCondition{condition(corev1.PodReady, corev1.ConditionTrue, "", "")}
	want := plan.Pod{UID: "p1", Template: "t1", Started: true, Ready: true}
	if diff := cmp.Diff(want, *observePod(p)); diff != "" {
		t.Error(diff)
	}
	p.DeletionTimestamp = &metav1.Time{}
	p.Status.Conditions[0].Status = corev1.ConditionFalse
	want.Terminating, want.Ready = true, false
	if diff := cmp.Diff(want, *observePod(p)); diff != "" {
		t.Error(diff)
	}
	fresh := memberPod()
	if diff := cmp.Diff(plan.Pod{UID: "p1", Template: "t1"}, *observePod(fresh)); diff != "" {
		t.Errorf("a pod that was only just made: %s", diff)
	}
	fresh.Spec.InitContainers, fresh.Annotations = nil, nil
	if diff := cmp.Diff(plan.Pod{UID: "p1", Handmade: true, Started: true}, *observePod(fresh)); diff != "" {
		t.Errorf("a pod that was made by hand: %s", diff)
	}
}

// A server that may ever have run has started: what it did is not undone by
// its end.
func TestServerStarted(t *testing.T) {
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		want bool
	}{
		"no status":     {memberPod(), false},
		"held back":     {memberPod(container(resource.ServerContainer, waiting("PodInitializing", ""))), false},
		"another runs":  {memberPod(container("sidecar", running), container(resource.ServerContainer, waiting("ImagePullBackOff", ""))), false},
		"running":       {memberPod(container(resource.ServerContainer, running)), true},
		"ended":         {memberPod(container(resource.ServerContainer, func(c *corev1.ContainerStatus) { c.State.Terminated = &corev1.ContainerStateTerminated{} })), true},
		"between two":   {memberPod(container(resource.ServerContainer, waiting("CrashLoopBackOff", ""), said("boom"))), true},
		"was restarted": {memberPod(container(resource.ServerContainer, waiting("PodInitializing", ""), func(c *corev1.ContainerStatus) { c.RestartCount = 1 })), true},
	} {
		if got := serverStarted(c.pod); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestStuckReason(t *testing.T) {
	init := func(c corev1.ContainerStatus) *corev1.Pod {
		p := memberPod(container(resource.ServerContainer, waiting("PodInitializing", "")))
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{c}
		return p
	}
	scheduled := func(status corev1.ConditionStatus, reason, message string) *corev1.Pod {
		p := memberPod()
		p.Status.Conditions = []corev1.PodCondition{condition(corev1.PodScheduled, status, reason, message)}
		return p
	}
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"running":          {memberPod(container(resource.ServerContainer, running)), ""},
		"initializing":     {memberPod(container(resource.ServerContainer, waiting("PodInitializing", ""))), ""},
		"being created":    {memberPod(container(resource.ServerContainer, waiting("ContainerCreating", ""))), ""},
		"no image":         {memberPod(container(resource.ServerContainer, waiting("ImagePullBackOff", "not  found\n"))), "container server: ImagePullBackOff: not found"},
		"no image to init": {init(container(resource.InitContainer, waiting("ErrImagePull", "denied"))), "container quorate-init: ErrImagePull: denied"},
		"no such name":     {memberPod(container(resource.ServerContainer, waiting("InvalidImageName", ""))), "container server: InvalidImageName:"},
		"no such command":  {memberPod(container(resource.ServerContainer, waiting("RunContainerError", "exec: not found"))), "container server: RunContainerError: exec: not found"},
		"crashes, and says why": {
			memberPod(container(resource.ServerContainer, waiting("CrashLoopBackOff", "back-off 10s"), said("invalid setting"))),
			"container server: CrashLoopBackOff: invalid setting",
		},
		"crashes in silence": {
			memberPod(container(resource.ServerContainer, waiting("CrashLoopBackOff", "back-off 10s"), said(""))),
			"container server: CrashLoopBackOff: back-off 10s",
		},
		"no node":           {scheduled(corev1.ConditionFalse, corev1.PodReasonUnschedulable, "0/3 nodes"), "cannot be scheduled: 0/3 nodes"},
		"gated":             {scheduled(corev1.ConditionFalse, corev1.PodReasonSchedulingGated, "waits"), ""},
		"scheduled":         {scheduled(corev1.ConditionTrue, "", ""), ""},
		"nothing known yet": {memberPod(), ""},
	} {
		if got := stuckReason(c.pod); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTail(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"  a \n\n b\t c  ":             "a b c",
		"x" + strings.Repeat("y", 399): "x" + strings.Repeat("y", 399),
	} {
		if got := tail(in); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	long := strings.Repeat("noise ", 1000) + "the complaint"
	if got := tail(long); !strings.HasPrefix(got, "…") || !strings.HasSuffix(got, "noise the complaint") || len(got) > 410 {
		t.Errorf("%d bytes: %q", len(got), got)
	}
	// What is cut in the middle of a letter is still text: the API server
	// refuses a status that is none.
	if got := tail(strings.Repeat("é", 1000) + "x"); !utf8.ValidString(got) {
		t.Errorf("not valid UTF-8: %q", got)
	}
}
