// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/quorate/quorate/internal/resource"
)

// budgetKeeper says in the status of a budget how many pods may be evicted, as
// the disruption controller does for budgets of a whole number.
type budgetKeeper struct{ client.Client }

func (k *budgetKeeper) setup(mgr manager.Manager) error {
	byLabel := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		name := o.GetLabels()[resource.DatastoreLabel]
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: resource.DisruptionBudgetName(name)}}}
	})
	err := ctrl.NewControllerManagedBy(mgr).Named("budget").
		For(&policyv1.PodDisruptionBudget{}).Watches(&corev1.Pod{}, byLabel).Complete(k)
	if err != nil {
		return fmt.Errorf("set up the double of the disruption controller: %w", err)
	}
	return nil
}

// Reconcile counts the pods.
func (k *budgetKeeper) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var budget policyv1.PodDisruptionBudget
	if err := k.Get(ctx, req.NamespacedName, &budget); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	var pods corev1.PodList
	if err := k.List(ctx, &pods, client.InNamespace(budget.Namespace), client.MatchingLabelsSelector{
		Selector: labels.SelectorFromSet(budget.Spec.Selector.MatchLabels),
	}); err != nil {
		return ctrl.Result{}, fmt.Errorf("list the pods of %s: %w", budget.Name, err)
	}
	ready := int32(0)
	for i := range pods.Items {
		if p := &pods.Items[i]; resource.PodReady(p) && p.DeletionTimestamp == nil {
			ready++
		}
	}
	before := budget.DeepCopy()
	expected := int32(len(pods.Items))
	s := &budget.Status
	s.ObservedGeneration, s.ExpectedPods, s.CurrentHealthy = budget.Generation, expected, ready
	s.DesiredHealthy = max(0, expected-budget.Spec.MaxUnavailable.IntVal)
	s.DisruptionsAllowed = max(0, ready-s.DesiredHealthy)
	if before.Status.ObservedGeneration == s.ObservedGeneration && before.Status.CurrentHealthy == ready && before.Status.ExpectedPods == expected {
		return ctrl.Result{}, nil
	}
	if err := k.Status().Patch(ctx, &budget, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("write the status of %s: %w", budget.Name, err)
	}
	return ctrl.Result{}, nil
}
