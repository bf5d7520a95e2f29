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

	"github.com/quorate/quorate/api/v1alpha1"
)

func TestDisruptionBudget(t *testing.T) {
	b := New(input(datastore().Obj()))
	for given, want := range map[int32]int{-1: 0, 0: 0, 1: 1, 2: 2} {
		got := b.DisruptionBudget(given, 3)
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
	if yes, why := NeedsApply(b.DisruptionBudget(1, 3), stored(t, b.DisruptionBudget(1, 3))); yes {
		t.Errorf("it is applied again: %s", why)
	}
	if yes, _ := NeedsApply(b.DisruptionBudget(0, 3), stored(t, b.DisruptionBudget(1, 3))); !yes {
		t.Error("it is not closed")
	}
}

// With racks it says how many must be there, so that nobody has to count the pods of a
// rack of which there is none for a moment.
func TestWithRacksTheBudgetSaysHowManyStay(t *testing.T) {
	b := New(inTwo(func(*v1alpha1.PodSpec) {}))
	for _, c := range []struct{ most, pods, want int32 }{{0, 5, 5}, {1, 5, 4}, {-1, 5, 5}, {1, 1, 0}, {1, 0, 0}} {
		got := b.DisruptionBudget(c.most, c.pods)
		if got.Spec.MaxUnavailable != nil || got.Spec.MinAvailable.IntVal != c.want {
			t.Errorf("%d of %d: %s must be there, want %d", c.most, c.pods, got.Spec.MinAvailable, c.want)
		}
		if _, both := got.Spec.Selector.MatchLabels[RackLabel]; both {
			t.Error("it is about one rack")
		}
	}
	open, closed := b.DisruptionBudget(1, 5), b.DisruptionBudget(0, 5)
	for pods, want := range map[int32]int32{5: 1, 4: 0, 6: 2} {
		if got := BudgetLimit(open, pods); got != want {
			t.Errorf("of %d pods it lets %d go, want %d", pods, got, want)
		}
	}
	if BudgetClosed(open, 5) || !BudgetClosed(closed, 5) || BudgetClosed(closed, 6) {
		t.Error("whether it is closed does not follow from how many there are")
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
			budget := New(input(datastore().Obj())).DisruptionBudget(0, 3)
			budget.ObjectMeta = metav1.ObjectMeta{Generation: 3}
			budget.Status.ObservedGeneration = 3
			c.change(budget)
			if got := BudgetClosed(budget, 3); got != c.want {
				t.Errorf("got %t, want %t", got, c.want)
			}
		})
	}
}
