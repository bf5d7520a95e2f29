// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"math"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/wrappers"
)

// Whoever may make a claim in a namespace, or scale a StatefulSet there, must
// not have the manager make room for members without end.
func TestOrdinalsAreBounded(t *testing.T) {
	d := wrappers.MakeDatastore("db").Obj()
	for _, ordinal := range []int64{mostMembers, 2_000_000_000, math.MaxInt32} {
		name := fmt.Sprintf("db-%d", ordinal)
		s := &snapshot{
			layout: layout.New("db"),
			sets:   statefulSets{{Spec: appsv1.StatefulSetSpec{Replicas: ptr.To(int32(ordinal))}}},
			pods:   map[string]*corev1.Pod{name: {}},
			claims: map[string]*corev1.PersistentVolumeClaim{name: {}, "db-4": {}},
		}
		got := s.state(d, &plan.Ledger{}, plan.Wanted{Replicas: 3})
		if len(got.Members) > mostMembers || len(got.Members) < 5 || got.Set.Replicas > mostMembers {
			t.Errorf("%d members, and %d in the StatefulSet", len(got.Members), got.Set.Replicas)
		}
		if !got.Retained {
			t.Error("a claim beyond the bound is none")
		}
		s.sets = nil
		if got := s.state(d, &plan.Ledger{}, plan.Wanted{Replicas: 3}); len(got.Members) != 5 {
			t.Errorf("%d members, want those up to db-4", len(got.Members))
		}
	}
}

// A ledger that cannot have been written here is somebody else's: nothing is
// planned on it, and it is left as it is.
func TestLedgersAreRead(t *testing.T) {
	d := wrappers.MakeDatastore("db").Namespace("ns").UID("u").Obj()
	for name, c := range map[string]struct {
		text string
		ours bool
	}{
		"ours":                    {`{"clusterID":"c1","epoch":2,"formationSize":3,"formed":true,"members":{"db-0":{"grant":"Form"},"db-11":{}}}`, true},
		"with racks":              {`{"clusterID":"c1","racks":["z","a"],"members":{"db-rack-z-0":{},"db-rack-a-0":{}}}`, true},
		"a member of no rack":     {`{"clusterID":"c1","racks":["z","a"],"members":{"db-rack-m-0":{}}}`, false},
		"a member beside racks":   {`{"clusterID":"c1","racks":["z","a"],"members":{"db-0":{}}}`, false},
		"of a newer operator":     {`{"clusterID":"c1","later":{"a":1}}`, true},
		"no text":                 {``, false},
		"no JSON":                 {`{"clusterID":"c1"`, false},
		"another set's":           {`{"clusterID":"c2"}`, false},
		"no set's":                {`{}`, false},
		"a formation without end": {`{"clusterID":"c1","formationSize":2000000000}`, false},
		"a negative formation":    {`{"clusterID":"c1","formationSize":-1}`, false},
		"a member without end":    {`{"clusterID":"c1","members":{"db-2000000000":{}}}`, false},
		"another's member":        {`{"clusterID":"c1","members":{"db-a-0":{}}}`, false},
		"a negative epoch":        {`{"clusterID":"c1","epoch":-4}`, false},
	} {
		cm := resource.Ledger(d, "c1", []byte(c.text))
		got, err := readLedger(t.Context(), fake.NewClientBuilder().WithObjects(cm).Build(), d)
		if (err == nil) != c.ours {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (got.ledger == nil || got.object == nil || got.ledger.ClusterID != "c1") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	got, err := readLedger(t.Context(), fake.NewClientBuilder().Build(), d)
	if err != nil || got.ledger != nil || got.object != nil {
		t.Errorf("without one: %+v, %v", got, err)
	}
}

// What says the same and has the same owners is not written again (law 8).
func TestLedgerSays(t *testing.T) {
	d := wrappers.MakeDatastore("db").UID("u").Obj()
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data-db-0", UID: "c0"}}
	l := &plan.Ledger{ClusterID: "c1", Epoch: 2, Members: map[string]plan.Entry{"db-0": {ClaimUID: "c0"}}}
	cm := resource.Ledger(d, "c1", nil)
	cm.OwnerReferences = resource.KeepOwners(nil, d, nil)
	f := &ledgerFile{object: cm, ledger: l}
	if !f.says(l.Clone(), d, nil) {
		t.Error("the same is said to differ")
	}
	if f.says(l.Clone(), d, []*corev1.PersistentVolumeClaim{claim}) {
		t.Error("a claim that it must outlive is not noticed")
	}
	next := l.Clone()
	next.Epoch = 3
	if f.says(next, d, nil) || (&ledgerFile{}).says(l, d, nil) {
		t.Error("a difference is not noticed")
	}
}
