// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/wrappers"
)

// metaOf is that of an object of a Datastore, controlled by an object of a UID.
func metaOf(name, datastore, controller string) metav1.ObjectMeta {
	out := metav1.ObjectMeta{Namespace: "ns", Name: name, UID: types.UID("u-" + name)}
	if datastore != "" {
		out.Labels = map[string]string{resource.DatastoreLabel: datastore}
	}
	if controller != "" {
		out.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "X", Name: "x", UID: types.UID(controller), Controller: ptr.To(true),
		}}
	}
	return out
}

func names[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// Pods and Services count by the UID of their controller, claims by their name
// (law 9); another Datastore's do not, whatever they are called.
func TestObserveTakesOnlyItsOwn(t *testing.T) {
	d := wrappers.MakeDatastore("db").Namespace("ns").UID("u-d").Obj()
	world := []client.Object{
		&appsv1.StatefulSet{ObjectMeta: metaOf("db", "db", "u-d")},
		&corev1.Pod{ObjectMeta: metaOf("db-0", "db", "u-db")},
		&corev1.Pod{ObjectMeta: metaOf("db-1", "db", "u-former-set")},
		&corev1.Pod{ObjectMeta: metaOf("db-2", "db", "")},
		&corev1.Pod{ObjectMeta: metaOf("db-a-0", "db-a", "u-db")},
		&corev1.Service{ObjectMeta: metaOf("db-0", "db", "u-d")},
		&corev1.Service{ObjectMeta: metaOf("db-1", "db", "u-former")},
		&corev1.Service{ObjectMeta: metaOf("db-2", "db", "")},
		&corev1.PersistentVolumeClaim{ObjectMeta: metaOf("data-db-0", "db", "")},
		&corev1.PersistentVolumeClaim{ObjectMeta: metaOf("data-db-1", "", "")}, // lost its label
		&corev1.PersistentVolumeClaim{ObjectMeta: metaOf("data-db-a-0", "db-a", "")},
		&corev1.PersistentVolumeClaim{ObjectMeta: metaOf("data-db", "db", "")},
		&corev1.PersistentVolumeClaim{ObjectMeta: metaOf("other", "db", "")},
	}
	elsewhere := &corev1.PersistentVolumeClaim{ObjectMeta: metaOf("data-db-2", "db", "")}
	elsewhere.Namespace = "elsewhere"
	c := fake.NewClientBuilder().WithObjects(append(world, elsewhere)...).Build()
	s, err := observe(t.Context(), c, d, layout.New(d.Name), nil)
	if err != nil {
		t.Fatal(err)
	}
	for what, diff := range map[string]string{
		"pods":     cmp.Diff([]string{"db-0"}, names(s.pods)),
		"services": cmp.Diff([]string{"db-0"}, names(s.services)),
		"claims":   cmp.Diff([]string{"db-0", "db-1"}, names(s.claims)),
	} {
		if diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	if s.sets.lead() == nil {
		t.Error("the StatefulSet is not seen")
	}
	if diff := cmp.Diff([]string{"data-db", "other"}, strays(s)); diff != "" {
		t.Errorf("strays: %s", diff)
	}
}

func strays(s *snapshot) (out []string) {
	for _, c := range s.strays {
		out = append(out, c.Name)
	}
	slices.Sort(out)
	return out
}

// A set that has lost its ledger is noticed by its claims, also where a Datastore made
// again has other racks, or none, or has had some, so that none of them is a member's.
func TestRetainedByWhateverClaims(t *testing.T) {
	d := wrappers.MakeDatastore("db").Namespace("ns").UID("u-d").Obj()
	for name, tt := range map[string]struct {
		claim         string
		label, volume string
		racks         []string
		with, without bool // credentials
	}{
		"a member's":                     {"data-db-0", "db", "pv", nil, true, false},
		"a member's that lost its label": {"data-db-0", "", "pv", nil, true, false},
		"with racks, and now without":    {"data-db-rack-a-0", "db", "pv", nil, true, true},
		"without racks, and now with":    {"data-db-0", "db", "pv", []string{"a"}, true, true},
		"of another rack":                {"data-db-rack-b-0", "db", "pv", []string{"a"}, true, true},
		"of another rack, never bound":   {"data-db-rack-b-0", "db", "", []string{"a"}, true, false},
		"of an adopted set":              {"datadir-db-0", "db", "pv", nil, true, true},
		"another Datastore's":            {"data-db-a-0", "db-a", "pv", nil, false, false},
		"another's, in its rack":         {"data-db-rack-b-0", "db-rack-b", "pv", []string{"a"}, false, false},
		"somebody's":                     {"other", "", "pv", nil, false, false},
	} {
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: metaOf(tt.claim, tt.label, "")}
		claim.Spec.VolumeName = tt.volume
		s, err := observe(t.Context(), fake.NewClientBuilder().WithObjects(claim).Build(), d, layout.New("db", tt.racks...), nil)
		if err != nil {
			t.Fatal(err)
		}
		if s.retained(true) != tt.with || s.retained(false) != tt.without {
			t.Errorf("%s: %t with credentials, %t without", name, s.retained(true), s.retained(false))
		}
	}
}

// Where the StatefulSet is another's, so are its pods.
func TestObserveOfAForeignStatefulSet(t *testing.T) {
	d := wrappers.MakeDatastore("db").Namespace("ns").UID("u-d").Obj()
	c := fake.NewClientBuilder().WithObjects(
		&appsv1.StatefulSet{ObjectMeta: metaOf("db", "db", "u-former")}, &corev1.Pod{ObjectMeta: metaOf("db-0", "db", "u-db")},
	).Build()
	s, err := observe(t.Context(), c, d, layout.New(d.Name), nil)
	if err != nil || s.sets.lead() != nil || len(s.pods) != 0 {
		t.Errorf("%v, %d pods, %v", s.sets.lead(), len(s.pods), err)
	}
}
