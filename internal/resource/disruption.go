// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// DisruptionBudget lets at most maxUnavailable members be evicted at once, less
// those that are not ready already; zero and less lets none. The number is the
// caller's, from the tolerance that was measured, and is not among Children:
// it changes with what is observed, and is closed before an action. Pods is how
// many there are, or are to be, whichever is more.
//
// A pod that is not ready is evicted only while as many others are ready as the
// budget asks for (IfHealthyBudget). AlwaysAllow would let it go at any time:
// but a member that is not ready may have a vote and data all the same, such as
// one that catches up, and the set may not bear another fault. A pod that never
// gets ready, and so blocks the drain of its node, is for the operator to
// replace.
//
// It is given as maxUnavailable, since minAvailable would forbid or allow too
// much in the moment after the size has changed. With racks it is given as
// minAvailable: how many pods there should be, Kubernetes adds up from the
// StatefulSets of the pods that it finds, and a rack of which there is no pod for
// a moment would not be counted. What is allowed too much after a growth cannot be
// then: the number is raised before there is a pod for it, and a new member is not
// ready before it joins, for which the budget is closed.
func (b Builder) DisruptionBudget(maxUnavailable, pods int32) *policyv1.PodDisruptionBudget {
	out := &policyv1.PodDisruptionBudget{
		TypeMeta:   metav1.TypeMeta{APIVersion: policyv1.SchemeGroupVersion.String(), Kind: "PodDisruptionBudget"},
		ObjectMeta: b.meta(DisruptionBudgetName(b.d.Name), ComponentServer),
		Spec: policyv1.PodDisruptionBudgetSpec{
			Selector:                   &metav1.LabelSelector{MatchLabels: SelectorLabels(b.d.Name)},
			UnhealthyPodEvictionPolicy: ptr.To(policyv1.IfHealthyBudget),
		},
	}
	if most := max(maxUnavailable, 0); len(b.layout.Racks()) > 0 {
		out.Spec.MinAvailable = ptr.To(intstr.FromInt32(max(pods-most, 0)))
	} else {
		out.Spec.MaxUnavailable = ptr.To(intstr.FromInt32(most))
	}
	return stamped(out)
}

// BudgetLimit is how many of so many pods a budget lets be evicted. One that somebody
// else wrote in percent counts as open.
func BudgetLimit(budget *policyv1.PodDisruptionBudget, pods int32) int32 {
	if most := budget.Spec.MaxUnavailable; most != nil && most.Type == intstr.Int {
		return most.IntVal
	}
	if least := budget.Spec.MinAvailable; least != nil && least.Type == intstr.Int {
		return max(pods-least.IntVal, 0)
	}
	return 1
}

// BudgetClosed tells whether the disruption controller has seen that a budget
// is closed: it asks for no eviction, and the status that evictions are judged
// by is of this specification and allows none, and no eviction is under way that
// was let pass before. A budget that was only written is not closed yet.
func BudgetClosed(budget *policyv1.PodDisruptionBudget, pods int32) bool {
	return BudgetLimit(budget, pods) == 0 &&
		budget.Status.ObservedGeneration >= budget.Generation && budget.Status.DisruptionsAllowed == 0 && len(budget.Status.DisruptedPods) == 0
}
