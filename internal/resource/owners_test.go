// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
)

func claim(name string, uid types.UID) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name, UID: uid}}
}

func TestKeepOwners(t *testing.T) {
	d := datastore().Obj()
	first := KeepOwners(nil, d, []*corev1.PersistentVolumeClaim{claim("data-db-1", "b"), claim("data-db-0", "a")})
	want := []metav1.OwnerReference{
		{APIVersion: "quorate.dev/v1alpha1", Kind: "Datastore", Name: "db", UID: testUID},
		{APIVersion: "v1", Kind: "PersistentVolumeClaim", Name: "data-db-0", UID: "a"},
		{APIVersion: "v1", Kind: "PersistentVolumeClaim", Name: "data-db-1", UID: "b"},
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("owners differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(first, KeepOwners(first, d, []*corev1.PersistentVolumeClaim{claim("data-db-0", "a")})); diff != "" {
		t.Errorf("an owner is dropped or added (-want +got):\n%s", diff)
	}
	foreign := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "x", UID: "x", Controller: ptr.To(true)}
	reborn := datastore().UID("another").Obj()
	got := KeepOwners(append([]metav1.OwnerReference{foreign}, first...), reborn, []*corev1.PersistentVolumeClaim{claim("data-db-0", "a2")})
	if len(got) != 6 || got[0].UID != "x" || got[4].UID != "another" || got[5].UID != "a2" {
		t.Errorf("owners of a Datastore made anew are %v", got)
	}
}

func TestClaimOwners(t *testing.T) {
	const drop, keep = v1alpha1.RetentionDelete, v1alpha1.RetentionRetain
	d := datastore().Obj()
	ours := metav1.OwnerReference{APIVersion: "quorate.dev/v1alpha1", Kind: "Datastore", Name: "db", UID: testUID, BlockOwnerDeletion: ptr.To(false)}
	former, foreign := ours, metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "x", UID: "x", Controller: ptr.To(true)}
	former.UID = "former"
	sameUID := foreign
	sameUID.UID = testUID
	for _, c := range []struct {
		name   string
		policy v1alpha1.RetentionPolicy
		given  []metav1.OwnerReference
		want   []metav1.OwnerReference
	}{
		{"nothing to keep out", keep, nil, nil},
		{"nothing said", "", nil, nil},
		{"added", drop, nil, []metav1.OwnerReference{ours}},
		{"added after others", drop, []metav1.OwnerReference{foreign, former}, []metav1.OwnerReference{foreign, former, ours}},
		{"there already", drop, []metav1.OwnerReference{ours, foreign}, []metav1.OwnerReference{ours, foreign}},
		{"removed, and nobody else", keep, []metav1.OwnerReference{foreign, ours, former}, []metav1.OwnerReference{foreign, former}},
		{"removed where nothing is said", "", []metav1.OwnerReference{ours}, []metav1.OwnerReference{}},
		{"not of our kind", keep, []metav1.OwnerReference{sameUID}, []metav1.OwnerReference{sameUID}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.given)
			got := ClaimOwners(c.given, d, c.policy)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("owners differ (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, c.given); diff != "" {
				t.Errorf("what was given is changed:\n%s", diff)
			}
			if diff := cmp.Diff(got, ClaimOwners(got, d, c.policy)); diff != "" {
				t.Errorf("a second time differs:\n%s", diff)
			}
		})
	}
	if got := ClaimOwners(nil, datastore().UID("").Obj(), drop); len(got) != 0 {
		t.Errorf("a Datastore that was never stored owns: %v", got)
	}
}

func TestOwned(t *testing.T) {
	d := datastore().Obj()
	child := func(change func(*metav1.OwnerReference)) *corev1.Service {
		s := New(input(d)).ClientService()
		if change == nil {
			s.OwnerReferences = nil
		} else {
			change(&s.OwnerReferences[0])
		}
		return s
	}
	for _, c := range []struct {
		name   string
		object *corev1.Service
		owned  bool
		former bool
		why    string
	}{
		{"ours", child(func(*metav1.OwnerReference) {}), true, false, ""},
		{"without owner, with our labels", child(nil), false, false, "it has no owner"},
		{"of another kind", child(func(o *metav1.OwnerReference) {
			o.APIVersion, o.Kind, o.Name, o.UID = "apps/v1", "Deployment", "web", "u"
		}),
			false, false, "it belongs to Deployment web"},
		{"of another group's kind", child(func(o *metav1.OwnerReference) { o.APIVersion, o.UID = "example.com/v1", "u" }),
			false, false, "it belongs to Datastore db"},
		{"of another Datastore", child(func(o *metav1.OwnerReference) { o.Name, o.UID = "other", "u" }), false, false, "it belongs to Datastore other"},
		{"of a former Datastore", child(func(o *metav1.OwnerReference) { o.UID = "u" }), false, true,
			"it belongs to a Datastore of the same name that was deleted (UID u) and goes by itself"},
		{"not controlled", child(func(o *metav1.OwnerReference) { o.Controller = nil }), false, false, "it has no owner"},
	} {
		t.Run(c.name, func(t *testing.T) {
			owned, why := Owned(c.object, d)
			if owned != c.owned || why != c.why || Former(c.object, d) != c.former {
				t.Errorf("owned %t, former %t, %q; want %t, %t, %q", owned, Former(c.object, d), why, c.owned, c.former, c.why)
			}
		})
	}
}

func TestOwnedByCluster(t *testing.T) {
	d := datastore().Obj()
	secret := func(change func(*corev1.Secret)) *corev1.Secret {
		s := MemberSecret(d, testCluster, nil)
		change(s)
		return s
	}
	for _, c := range []struct {
		name   string
		object *corev1.Secret
		ours   bool
	}{
		{"ours", secret(func(*corev1.Secret) {}), true},
		{"of a former Datastore, kept", secret(func(s *corev1.Secret) { s.OwnerReferences = KeepOwners(nil, datastore().UID("old").Obj(), nil) }), true},
		{"of another set", secret(func(s *corev1.Secret) { s.Labels[ClusterIDLabel] = "other" }), false},
		{"without identity", secret(func(s *corev1.Secret) { delete(s.Labels, ClusterIDLabel) }), false},
		{"of another Datastore", secret(func(s *corev1.Secret) { s.Labels[DatastoreLabel] = "other" }), false},
		{"of another component", secret(func(s *corev1.Secret) { s.Labels[ComponentLabel] = "x" }), false},
		{"controlled", secret(func(s *corev1.Secret) { s.OwnerReferences = []metav1.OwnerReference{controllerReference(d)} }), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if ours, why := OwnedByCluster(c.object, d, ComponentCredentials, testCluster); ours != c.ours || ours != (why == "") {
				t.Errorf("ours %t, %q; want %t", ours, why, c.ours)
			}
		})
	}
	if ours, _ := OwnedByCluster(MemberSecret(d, "", nil), d, ComponentCredentials, ""); ours {
		t.Error("an identity that is not known matches")
	}
}
