// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"strconv"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// A manager that was frozen with a smaller StatefulSet in hand applies it only
// where no successor has marked it, whenever that happens.
func TestAFrozenManagerShrinksNothing(t *testing.T) {
	for name, c := range map[string]struct {
		marked, late int64 // by the successor, before the StatefulSet is read again and after
		applied      bool
		refused      func(error) bool
	}{
		"nothing happened":                   {applied: true},
		"its own mark":                       {marked: 4, applied: true},
		"a successor marked it":              {marked: 5, refused: func(err error) bool { return errors.Is(err, errOutdated) }},
		"a successor marked it at the last":  {late: 5, refused: apierrors.IsConflict},
		"a successor marked it with garbage": {marked: -1, applied: true},
	} {
		t.Run(name, func(t *testing.T) {
			set := &appsv1.StatefulSet{
				TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db", UID: "s"},
				Spec:       appsv1.StatefulSetSpec{Replicas: ptr.To[int32](3), ServiceName: "db"},
			}
			p := markingPass(t, set, 4)
			if c.marked != 0 {
				successor(t, p.Client, set, c.marked)
			}
			p.Client = interceptor.NewClient(p.Client.(client.WithWatch), interceptor.Funcs{
				Apply: func(ctx context.Context, w client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
					if c.late != 0 {
						successor(t, w, set, c.late)
					}
					return w.Apply(ctx, o, opts...)
				},
			})
			smaller := set.DeepCopy()
			smaller.ResourceVersion, smaller.Spec.Replicas = "", ptr.To[int32](1)
			_, err := p.change(t.Context(), smaller, set.UID, "StatefulSet db")
			if c.applied && err != nil || !c.applied && (err == nil || !c.refused(err)) {
				t.Errorf("refused with %v", err)
			}
			var now appsv1.StatefulSet
			if err := p.Live.Get(t.Context(), client.ObjectKeyFromObject(set), &now); err != nil {
				t.Fatal(err)
			}
			if got := *now.Spec.Replicas == 1; got != c.applied {
				t.Errorf("applied: %v, want %v", got, c.applied)
			}
		})
	}
}

// The mark is written before anybody is asked, once for each epoch, and for
// nothing else.
func TestMark(t *testing.T) {
	asks := []plan.Ask{{Member: "db-0"}}
	for name, c := range map[string]struct {
		have   string
		asks   []plan.Ask
		want   int64
		writes int
	}{
		"nobody is asked":    {"", nil, 0, 0},
		"the first time":     {"", asks, 4, 1},
		"a later epoch":      {"3", asks, 4, 1},
		"the same epoch":     {"4", asks, 4, 0},
		"garbage is no mark": {"x", asks, 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db", UID: "s"}}
			if c.have != "" {
				set.Annotations = map[string]string{resource.EpochAnnotation: c.have}
			}
			p := markingPass(t, set, 4)
			writes := 0
			p.Client = interceptor.NewClient(p.Client.(client.WithWatch), interceptor.Funcs{
				Patch: func(ctx context.Context, w client.WithWatch, o client.Object, patch client.Patch, opts ...client.PatchOption) error {
					writes++
					return w.Patch(ctx, o, patch, opts...)
				},
			})
			p.findings.decision.Asks = c.asks
			if err := p.mark(t.Context()); err != nil {
				t.Fatal(err)
			}
			var now appsv1.StatefulSet
			if err := p.Live.Get(t.Context(), client.ObjectKeyFromObject(set), &now); err != nil {
				t.Fatal(err)
			}
			if epochOn(&now) != c.want || epochOn(p.snapshot.sets[0]) != c.want || writes != c.writes {
				t.Errorf("marked %d after %d writes, taken for %d; want %d after %d", epochOn(&now), writes, epochOn(p.snapshot.sets[0]), c.want, c.writes)
			}
		})
	}
}

// markingPass is one of a manager that holds an epoch, over one StatefulSet.
func markingPass(t *testing.T, set *appsv1.StatefulSet, epoch int64) *pass {
	t.Helper()
	c := fake.NewClientBuilder().WithObjects(set).Build()
	var read appsv1.StatefulSet
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(set), &read); err != nil {
		t.Fatal(err)
	}
	return &pass{
		Reconciler: &Reconciler{Client: c, Live: c}, ledger: &ledgerFile{ledger: &plan.Ledger{Epoch: epoch}},
		snapshot: &snapshot{sets: statefulSets{&read}}, findings: &findings{},
	}
}

// successor marks a StatefulSet as another manager does.
func successor(t *testing.T, c client.Client, set *appsv1.StatefulSet, epoch int64) {
	t.Helper()
	value := strconv.FormatInt(epoch, 10)
	if epoch < 0 {
		value = "x"
	}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"`+resource.EpochAnnotation+`":"`+value+`"}}}`))
	if err := c.Patch(t.Context(), set.DeepCopy(), patch); err != nil {
		t.Fatal(err)
	}
}
