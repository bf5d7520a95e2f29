// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/test/wrappers"
)

// TestNamesFit renders a Datastore of the longest name and the most members.
func TestNamesFit(t *testing.T) {
	name := strings.Repeat("n", v1alpha1.MaxNameLength)
	in := input(wrappers.MakeDatastore(name).UID(testUID).UIIngress(v1alpha1.Ingress{Host: "h"}).Obj())
	in.Replicas = 9
	b := New(in)
	objects := b.Children(Observed{}, true)
	objects = append(objects, b.Connection(nil), Ledger(in.Datastore, testCluster, nil), AuthoritySecret(in.Datastore, testCluster, nil),
		ManagerSecret(in.Datastore, testCluster, nil), MemberSecret(in.Datastore, testCluster, nil))
	seen := map[string]string{}
	for _, o := range objects {
		for _, problem := range validation.IsDNS1035Label(o.GetName()) {
			t.Errorf("name of %s %s: %s", kindOf(o), o.GetName(), problem)
		}
		key := kindOf(o) + "/" + o.GetName()
		if seen[key] != "" {
			t.Errorf("two objects are %s", key)
		}
		seen[key] = key
		for label, value := range o.GetLabels() {
			for _, problem := range validation.IsValidLabelValue(value) {
				t.Errorf("label %s of %s: %s", label, key, problem)
			}
		}
	}
	for _, derived := range []string{
		ClaimName(&v1alpha1.Datastore{}, layout.New(name).Member(8)),
		StatefulSetName(name) + "-5b8c7d9f6c", // the label controller-revision-hash
	} {
		if len(derived) > validation.DNS1123LabelMaxLength {
			t.Errorf("%s has %d characters", derived, len(derived))
		}
	}
	if !strings.HasPrefix(objects[2].GetName(), name+"-0") {
		t.Errorf("third child is %s, want the first member's Service", objects[2].GetName())
	}
}

func TestMemberOfClaim(t *testing.T) {
	for claim, want := range map[string]string{
		"data-db-0": "db-0", "data-db-12": "db-12",
		"data-db-01": "", "data-db--1": "", "data-db-": "", "data-db-x-0": "", "data-dbx-0": "", "db-0": "", "other-db-0": "", "data-db-99999999999": "",
	} {
		got, ok := MemberOfClaim(&v1alpha1.Datastore{ObjectMeta: metav1.ObjectMeta{Name: "db"}}, layout.New("db"), claim)
		if got != want || ok != (want != "") {
			t.Errorf("MemberOfClaim(%q) is %q, %t; want %q", claim, got, ok, want)
		}
	}
	adopted := &v1alpha1.Datastore{ObjectMeta: metav1.ObjectMeta{Name: "db"}, Spec: v1alpha1.DatastoreSpec{Adopt: &v1alpha1.Adopt{ClaimTemplate: "mongo-data"}}}
	for claim, want := range map[string]string{"mongo-data-db-2": "db-2", "data-db-2": ""} {
		if got, _ := MemberOfClaim(adopted, layout.New("db"), claim); got != want || want != "" && ClaimName(adopted, want) != claim {
			t.Errorf("of an adopted set the claim %q is of %q, want %q", claim, got, want)
		}
	}
	racks := layout.New("db", "a", "b")
	for claim, want := range map[string]string{"data-db-rack-b-0": "db-rack-b-0", "data-db-rack-c-0": "", "data-db-0": ""} {
		if got, _ := MemberOfClaim(&v1alpha1.Datastore{}, racks, claim); got != want {
			t.Errorf("with racks the claim %q is of %q, want %q", claim, got, want)
		}
	}
}
