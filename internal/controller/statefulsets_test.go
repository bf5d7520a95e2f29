// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// rackSet is one whose controller has seen it.
func rackSet(size int32, template string) *appsv1.StatefulSet {
	s := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{UID: types.UID(template), Generation: 2}}
	s.Spec.Replicas, s.Status.ObservedGeneration = ptr.To(size), 2
	s.Spec.Template.Annotations = map[string]string{resource.TemplateAnnotation: template}
	s.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: resource.AgentContainer, Image: "agent:1"}}
	return s
}

// Several are folded to the stricter side, and one is what it is.
func TestStatefulSetsAreFolded(t *testing.T) {
	unseen := rackSet(2, "t1")
	unseen.Generation = 3
	elder := rackSet(2, "t1")
	elder.Spec.Template.Spec.InitContainers[0].Image = "agent:0"
	one, three := layout.New("db"), layout.New("db", "z", "a", "m")
	for name, c := range map[string]struct {
		l     layout.Layout
		sets  statefulSets
		want  *plan.Set
		apart bool
	}{
		"none":                        {one, statefulSets{nil}, nil, false},
		"none of three":               {three, statefulSets{nil, nil, nil}, nil, false},
		"one":                         {one, statefulSets{rackSet(4, "t1")}, &plan.Set{Replicas: 4, Template: "t1", Settled: true}, false},
		"one that was not seen":       {one, statefulSets{unseen}, &plan.Set{Replicas: 2, Template: "t1"}, false},
		"three":                       {three, statefulSets{rackSet(2, "t1"), rackSet(2, "t1"), rackSet(1, "t1")}, &plan.Set{Racks: 3, Replicas: 5, Template: "t1", Settled: true}, false},
		"without pods":                {three, statefulSets{rackSet(0, "t1"), rackSet(0, "t1"), rackSet(0, "t1")}, &plan.Set{Racks: 3, Template: "t1", Settled: true}, false},
		"a growth to 8 was cut short": {three, statefulSets{rackSet(3, "t1"), rackSet(2, "t1"), rackSet(1, "t1")}, &plan.Set{Racks: 3, Replicas: 7, Template: "t1", Settled: true}, true},
		"a shrinkage was cut short":   {three, statefulSets{rackSet(1, "t1"), rackSet(2, "t1"), rackSet(2, "t1")}, &plan.Set{Racks: 3, Replicas: 6, Template: "t1", Settled: true}, true},
		"a template was cut short":    {three, statefulSets{rackSet(2, "t2"), rackSet(2, "t1"), rackSet(2, "t1")}, &plan.Set{Racks: 3, Replicas: 6, Template: "t2"}, true},
		"an agent was cut short":      {three, statefulSets{rackSet(2, "t1"), rackSet(2, "t1"), elder}, &plan.Set{Racks: 3, Replicas: 6, Template: "t1"}, true},
		"the last was not seen":       {three, statefulSets{rackSet(2, "t1"), rackSet(2, "t1"), unseen}, &plan.Set{Racks: 3, Replicas: 6, Template: "t1"}, false},
		"the first is gone":           {three, statefulSets{nil, rackSet(2, "t1"), rackSet(1, "t1")}, &plan.Set{Racks: 3, Replicas: 5, Template: "t1"}, true},
		"the last is left":            {three, statefulSets{nil, nil, rackSet(0, "t1")}, &plan.Set{Racks: 3, Template: "t1"}, true},
		"a size without end":          {three, statefulSets{rackSet(2_000_000_000, "t1"), rackSet(1, "t1"), rackSet(1, "t1")}, &plan.Set{Racks: 3, Replicas: mostMembers, Template: "t1", Settled: true}, true},
	} {
		if c.want != nil {
			c.want.Agent = "agent:1"
		}
		if diff := cmp.Diff(c.want, c.sets.fold(c.l)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if got := c.sets.apart(c.l); got != c.apart {
			t.Errorf("%s: apart is %t", name, got)
		}
	}
}

// A pod is a member's if any of the StatefulSets has made it, and a StatefulSet may only
// be changed as it was seen itself.
func TestStatefulSetsAreToldApart(t *testing.T) {
	sets := statefulSets{nil, rackSet(2, "u1"), rackSet(2, "u2")}
	if got := sets.same(rackSet(1, "u2")); got != sets[2] {
		t.Errorf("the same is %v", got)
	}
	if sets.same(rackSet(1, "u3")) != nil || sets.lead() != sets[1] {
		t.Error("another one is taken for one of them, or the first is not the lead")
	}
	for uid, want := range map[string]bool{"u1": true, "u2": true, "u3": false} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{
			*metav1.NewControllerRef(rackSet(1, uid), appsv1.SchemeGroupVersion.WithKind("StatefulSet")),
		}}}
		if got := sets.control(pod); got != want {
			t.Errorf("a pod of %s counts: %t", uid, got)
		}
	}
}
