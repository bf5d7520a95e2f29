// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// statefulSets are those of a Datastore in the order of its layout, nil where one is not
// there. They are written in this order, so that the first has what was written last;
// what a crash left of the others, the next pass brings to the same.
type statefulSets []*appsv1.StatefulSet

func readStatefulSets(ctx context.Context, r client.Reader, d *v1alpha1.Datastore, l layout.Layout) (statefulSets, error) {
	var out statefulSets
	for _, name := range l.StatefulSets() {
		set, err := readControlled[appsv1.StatefulSet](ctx, r, d, "StatefulSet", name)
		if err != nil {
			return nil, err
		}
		out = append(out, set)
	}
	return out, nil
}

// lead is the first that is there; nil where none is.
func (s statefulSets) lead() *appsv1.StatefulSet {
	for _, set := range s {
		if set != nil {
			return set
		}
	}
	return nil
}

// same returns the one of an object's UID; nil where there is none.
func (s statefulSets) same(o client.Object) *appsv1.StatefulSet {
	for _, set := range s {
		if set != nil && set.UID == o.GetUID() {
			return set
		}
	}
	return nil
}

// control tells whether a pod is one of theirs.
func (s statefulSets) control(p *corev1.Pod) bool {
	return slices.ContainsFunc(s, func(set *appsv1.StatefulSet) bool { return set != nil && metav1.IsControlledBy(p, set) })
}

// sizes are how many pods each asks for; one that is not there asks for none.
func (s statefulSets) sizes() []int32 {
	var out []int32
	for _, set := range s {
		if set == nil {
			out = append(out, 0)
			continue
		}
		out = append(out, ptr.Deref(set.Spec.Replicas, 1))
	}
	return out
}

// fold makes of all the one that the planner knows; nil where none is there. Where they
// differ, since a write of them has not come to its end, it takes the stricter side:
//
//   - the size is up to the highest number that any may have a pod of;
//   - the template is that of the first, which the others get before anything is done
//     by it;
//   - it is settled where all are there, have that template, and their controller has
//     seen it.
func (s statefulSets) fold(l layout.Layout) *plan.Set {
	lead := s.lead()
	if lead == nil {
		return nil
	}
	out := &plan.Set{
		Replicas: min(l.Span(s.sizes()), mostMembers), Racks: int32(len(l.Racks())),
		Template: resource.TemplateOf(&lead.Spec.Template), Agent: agentOfNew(lead), Settled: true,
	}
	for _, set := range s {
		alike := set != nil && resource.TemplateOf(&set.Spec.Template) == out.Template && agentOfNew(set) == out.Agent
		out.Settled = out.Settled && alike && set.Status.ObservedGeneration >= set.Generation
	}
	return out
}

// apart tells whether there are several that are not as they would be together at one
// size and with one template.
func (s statefulSets) apart(l layout.Layout) bool {
	lead := s.lead()
	if len(s) < 2 || lead == nil {
		return false
	}
	sizes := s.sizes()
	return !slices.Equal(sizes, l.Sizes(l.Span(sizes))) || slices.ContainsFunc(s, func(set *appsv1.StatefulSet) bool {
		return set == nil || resource.TemplateOf(&set.Spec.Template) != resource.TemplateOf(&lead.Spec.Template) || agentOfNew(set) != agentOfNew(lead)
	})
}

// agentOfNew is the image of the agent that a new pod has.
func agentOfNew(set *appsv1.StatefulSet) string {
	return agentImage(&corev1.Pod{Spec: set.Spec.Template.Spec})
}
