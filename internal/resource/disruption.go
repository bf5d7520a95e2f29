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
// it changes with what is observed, and is closed before an action.
//
// A pod that is not ready is evicted only while as many others are ready as the
// budget asks for (IfHealthyBudget). AlwaysAllow would let it go at any time:
// but a member that is not ready may have a vote and data all the same, such as
// one that catches up, and the set may not bear another fault. A pod that never
// gets ready, and so blocks the drain of its node, is for the operator to
// replace.
//
// It is given as maxUnavailable, since minAvailable would forbid or allow too
// much in the moment after the size has changed.
func (b Builder) DisruptionBudget(maxUnavailable int32) *policyv1.PodDisruptionBudget {
	return stamped(&policyv1.PodDisruptionBudget{
		TypeMeta:   metav1.TypeMeta{APIVersion: policyv1.SchemeGroupVersion.String(), Kind: "PodDisruptionBudget"},
		ObjectMeta: b.meta(DisruptionBudgetName(b.d.Name), ComponentServer),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable:             ptr.To(intstr.FromInt32(max(maxUnavailable, 0))),
			Selector:                   &metav1.LabelSelector{MatchLabels: SelectorLabels(b.d.Name)},
			UnhealthyPodEvictionPolicy: ptr.To(policyv1.IfHealthyBudget),
		},
	})
}

// BudgetClosed tells whether the disruption controller has seen that a budget
// is closed: it asks for no eviction, and the status that evictions are judged
// by is of this specification and allows none, and no eviction is under way that
// was let pass before. A budget that was only written is not closed yet.
func BudgetClosed(budget *policyv1.PodDisruptionBudget) bool {
	most := budget.Spec.MaxUnavailable
	return most != nil && most.Type == intstr.Int && most.IntValue() == 0 &&
		budget.Status.ObservedGeneration >= budget.Generation && budget.Status.DisruptionsAllowed == 0 && len(budget.Status.DisruptedPods) == 0
}
