// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul/consulagent"
	"github.com/quorate/quorate/internal/engine/mongodb/mongod"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// TestPodsMadeByHandAreBehindTheirAddress labels them as the Service of a member selects
// them, where members have one.
func TestPodsMadeByHandAreBehindTheirAddress(t *testing.T) {
	for name, c := range map[string]struct {
		kit  engine.Kit
		want bool
	}{
		"members have an address that stays": {consulagent.Kit(), true},
		"members have names alone":           {mongod.Kit(), false},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db-0", UID: "pod-0", Labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"}}}
			other := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db-1", UID: "another"}}
			live := fake.NewClientBuilder().WithObjects(pod, other).Build()
			p := renewer(t, certified(t), "")
			p.Client, p.Live, p.kit = live, live, c.kit
			p.findings.decision.TakeOver = &plan.TakeOver{Pods: []plan.PodRef{{Name: "db-0", UID: "pod-0"}, {Name: "db-1", UID: "pod-1"}}}
			if err := p.label(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, o := range []*corev1.Pod{pod, other} {
				if err := live.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
					t.Fatal(err)
				}
			}
			if pod.Labels[resource.DatastoreLabel] != "db" || resource.Reachable(pod) != c.want {
				t.Errorf("the pod has the labels %v", pod.Labels)
			}
			if len(other.Labels) > 0 {
				t.Errorf("a pod that was made in the place of another has the labels %v", other.Labels)
			}
		})
	}
}

// TestAPodThatEndsIsPutBehindNoAddress labels one of ours whose address was withdrawn, and
// whose StatefulSet somebody deleted without it.
func TestAPodThatEndsIsPutBehindNoAddress(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ns", Name: "db-0", UID: "pod-0", DeletionTimestamp: new(metav1.Now()), Finalizers: []string{"somebody.example/waits"},
	}}
	live := fake.NewClientBuilder().WithObjects(pod).Build()
	p := renewer(t, certified(t), "")
	p.Client, p.Live, p.kit = live, live, consulagent.Kit()
	p.findings.decision.TakeOver = &plan.TakeOver{Pods: []plan.PodRef{{Name: "db-0", UID: "pod-0"}}}
	if err := p.label(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := live.Get(t.Context(), client.ObjectKeyFromObject(pod), pod); err != nil {
		t.Fatal(err)
	}
	if resource.Reachable(pod) || pod.Labels[resource.DatastoreLabel] != "db" {
		t.Errorf("the pod has the labels %v", pod.Labels)
	}
	before := pod.ResourceVersion
	if err := p.label(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := live.Get(t.Context(), client.ObjectKeyFromObject(pod), pod); err != nil {
		t.Fatal(err)
	}
	if pod.ResourceVersion != before {
		t.Error("a pod that was labelled is written again")
	}
}
