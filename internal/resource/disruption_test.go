// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

func TestDisruptionBudget(t *testing.T) {
	b := New(input(datastore().Obj()))
	for given, want := range map[int32]int{-1: 0, 0: 0, 1: 1, 2: 2} {
		got := b.DisruptionBudget(given)
		if got.Name != "db" || got.Namespace != "shop" || got.Spec.MaxUnavailable.IntValue() != want {
			t.Errorf("%d: %s/%s lets %s go, want %d", given, got.Namespace, got.Name, got.Spec.MaxUnavailable, want)
		}
		if got.Spec.MinAvailable != nil {
			t.Errorf("%d: minAvailable is set too, which the API server refuses", given)
		}
		if *got.Spec.UnhealthyPodEvictionPolicy != policyv1.IfHealthyBudget {
			t.Errorf("%d: pods that are not ready may always be evicted", given)
		}
		set := b.StatefulSets(nil, true)[0]
		if diff := cmp.Diff(set.Spec.Selector, got.Spec.Selector); diff != "" {
			t.Errorf("%d: it does not select the members:\n%s", given, diff)
		}
		if owned, why := Owned(got, b.d); !owned {
			t.Errorf("%d: %s", given, why)
		}
	}
	if yes, why := NeedsApply(b.DisruptionBudget(1), stored(t, b.DisruptionBudget(1))); yes {
		t.Errorf("it is applied again: %s", why)
	}
	if yes, _ := NeedsApply(b.DisruptionBudget(0), stored(t, b.DisruptionBudget(1))); !yes {
		t.Error("it is not closed")
	}
}

func TestBudgetClosed(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*policyv1.PodDisruptionBudget)
		want   bool
	}{
		{"seen", func(*policyv1.PodDisruptionBudget) {}, true},
		{"written and not seen", func(b *policyv1.PodDisruptionBudget) { b.Generation++ }, false},
		{"still allowing", func(b *policyv1.PodDisruptionBudget) { b.Status.DisruptionsAllowed = 1 }, false},
		{"open, and nothing to spare now", func(b *policyv1.PodDisruptionBudget) { b.Spec.MaxUnavailable = ptr.To(intstr.FromInt32(1)) }, false},
		{"of a share", func(b *policyv1.PodDisruptionBudget) { b.Spec.MaxUnavailable = ptr.To(intstr.FromString("0%")) }, false},
		{"of what must be there", func(b *policyv1.PodDisruptionBudget) { b.Spec.MaxUnavailable = nil }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			budget := New(input(datastore().Obj())).DisruptionBudget(0)
			budget.ObjectMeta = metav1.ObjectMeta{Generation: 3}
			budget.Status.ObservedGeneration = 3
			c.change(budget)
			if got := BudgetClosed(budget); got != c.want {
				t.Errorf("got %t, want %t", got, c.want)
			}
		})
	}
}
