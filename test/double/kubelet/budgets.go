// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	expected, desired, err := k.expected(ctx, &budget, pods.Items)
	if err != nil {
		return ctrl.Result{}, err
	}
	ready := int32(0)
	for i := range pods.Items {
		if p := &pods.Items[i]; resource.PodReady(p) && p.DeletionTimestamp == nil {
			ready++
		}
	}
	before := budget.DeepCopy()
	s := &budget.Status
	s.ObservedGeneration, s.ExpectedPods, s.CurrentHealthy = budget.Generation, expected, ready
	s.DesiredHealthy = desired
	s.DisruptionsAllowed = max(0, ready-s.DesiredHealthy)
	if before.Status.ObservedGeneration == s.ObservedGeneration && before.Status.CurrentHealthy == ready && before.Status.ExpectedPods == expected {
		return ctrl.Result{}, nil
	}
	if err := k.Status().Patch(ctx, &budget, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("write the status of %s: %w", budget.Name, err)
	}
	return ctrl.Result{}, nil
}

// expected is how many pods there should be, and how many of them are to be ready. Where
// the budget does not say the latter itself, the former is the sum of what the
// controllers of the pods ask for that there are.
func (k *budgetKeeper) expected(ctx context.Context, budget *policyv1.PodDisruptionBudget, pods []corev1.Pod) (expected, desired int32, err error) {
	if least := budget.Spec.MinAvailable; least != nil {
		return int32(len(pods)), least.IntVal, nil
	}
	counted := map[types.UID]bool{}
	for i := range pods {
		owner := metav1.GetControllerOf(&pods[i])
		if owner == nil || counted[owner.UID] {
			continue
		}
		var set appsv1.StatefulSet
		if err := k.Get(ctx, client.ObjectKey{Namespace: budget.Namespace, Name: owner.Name}, &set); client.IgnoreNotFound(err) != nil {
			return 0, 0, fmt.Errorf("get the StatefulSet of %s: %w", pods[i].Name, err)
		}
		if set.UID == owner.UID {
			counted[owner.UID] = true
			expected += *set.Spec.Replicas
		}
	}
	return expected, max(0, expected-budget.Spec.MaxUnavailable.IntVal), nil
}
