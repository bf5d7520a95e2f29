// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const claimUID = "6f1c0f1e-7f6c-4f0a-9d1f-3f8a4f1f0c11"

func TestParseApprovals(t *testing.T) {
	replace := Approval{Kind: ApproveReplace, Subject: "db-2", Token: claimUID}
	for text, want := range map[string][]Approval{
		"":                         nil,
		"  \n":                     nil,
		"replace:db-2:" + claimUID: {replace},
		"recover:db-1:3":           {{Kind: ApproveRecover, Subject: "db-1", Token: "3"}},
		" recover:db-1:1 ,\n replace:db-2:" + claimUID + " ": {{Kind: ApproveRecover, Subject: "db-1", Token: "1"}, replace},
	} {
		got, err := ParseApprovals(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		for _, a := range got {
			if again, err := ParseApprovals(a.String()); err != nil || len(again) != 1 || again[0] != a {
				t.Errorf("%v is written as %q and read as %v, %v", a, a.String(), again, err)
			}
		}
	}
}

func TestParseApprovalsRefuses(t *testing.T) {
	for text, message := range map[string]string{
		"yes":                             "is not of the form",
		"true":                            "is not of the form",
		"*":                               "is not of the form",
		"recover":                         "is not of the form",
		"a:b:c:d":                         "is not of the form",
		"replace:*:" + claimUID:           "which is no name",
		"recover:":                        "which is no name",
		"recover:DB-1":                    "which is no name",
		"Recover:db-1":                    `agrees to "Recover"`,
		"evict:db-1":                      `agrees to "evict"`,
		"replace:db-2":                    "does not say which one",
		"recover:db-1":                    "does not say which one",
		"restart-empty:db:1":              `agrees to "restart-empty"`,
		"replace:db-2:":                   "nothing after its last colon",
		"recover:db-1:":                   "nothing after its last colon",
		"replace:db-2:*":                  "a character after its last colon",
		"replace:db-2:a b":                "a character after its last colon",
		"recover:db-1:1,":                 "is not of the form",
		"recover:db-1:1,replace:db-2":     "does not say which one",
		"recover:db-1;recover:db-2":       "which is no name",
		strings.Repeat("recover:a,", 500): "more than 4096 bytes",
	} {
		got, err := ParseApprovals(text)
		if err == nil || !strings.Contains(err.Error(), message) || !strings.Contains(err.Error(), AnnotationApprove) {
			t.Errorf("%q: error %v, want one with %q and the annotation's name", text, err, message)
		}
		if got != nil {
			t.Errorf("%q: %v is agreed to all the same", text, got)
		}
	}
}

func TestApprovedIsExact(t *testing.T) {
	agreed := Approval{Kind: ApproveReplace, Subject: "db-2", Token: claimUID}
	for text, want := range map[string]bool{
		"":                                            false,
		agreed.String():                               true,
		"recover:db-1:1," + agreed.String():           true,
		"replace:db-1:" + claimUID:                    false,
		"replace:db-2:another":                        false,
		"recover:db-2:" + claimUID:                    false,
		agreed.String() + ",nonsense":                 false,
		strings.TrimSuffix(agreed.String(), "1"):      false,
		strings.ReplaceAll(agreed.String(), "d", "D"): false,
	} {
		d := &Datastore{}
		d.Annotations = map[string]string{AnnotationApprove: text}
		if got := d.Approved(agreed); got != want {
			t.Errorf("%q: got %t, want %t", text, got, want)
		}
	}
	if (&Datastore{}).Approved(agreed) {
		t.Error("it is agreed to without an annotation")
	}
}
