// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// ApprovalKind names what the user agrees to.
type ApprovalKind string

const (
	// ApproveReplace agrees to the deletion of one claim of a lost member, and
	// to the member's replacement by an empty one. The token is the UID of that
	// claim.
	ApproveReplace ApprovalKind = "replace"

	// ApproveRecover agrees to the recovery of a set whose majority is lost for
	// good, from what is left, of which the named survivor has the newest data.
	// What only the others had is lost. The token is the number of the recovery,
	// so that the consent is good once.
	ApproveRecover ApprovalKind = "recover"

	// ApproveStartEmpty agrees that a Datastore whose set has formed and lost all
	// of its volumes starts again with no data, as another set. The subject is the
	// Datastore, the token the identity of the lost set, so that the consent is good
	// once.
	ApproveStartEmpty ApprovalKind = "start-empty"

	// ApproveAdopt agrees that a set which was made by hand is taken over. The
	// subject is the Datastore, the token the UID of the StatefulSet.
	ApproveAdopt ApprovalKind = "adopt"
)

var approvalKinds = []ApprovalKind{ApproveReplace, ApproveRecover, ApproveStartEmpty, ApproveAdopt}

// maxApproval bounds the annotation, in bytes.
const maxApproval = 4096

// Approval is one thing that the user agreed to.
type Approval struct {
	// Kind is what is agreed to.
	Kind ApprovalKind
	// Subject is the member, or the Datastore where it is about all of them.
	Subject string
	// Token ties the consent to one occasion.
	Token string
}

// String returns the form in which it is written in the annotation.
func (a Approval) String() string {
	return string(a.Kind) + ":" + a.Subject + ":" + a.Token
}

// ParseApprovals reads the value of AnnotationApprove: KIND:SUBJECT:TOKEN, and
// several separated by commas. Space around each is ignored. An empty text agrees to nothing.
//
// It is all or nothing: where one part cannot be read, nothing is agreed to,
// and the error, one sentence for the user, says which.
func ParseApprovals(text string) ([]Approval, error) {
	if len(text) > maxApproval {
		return nil, fmt.Errorf("annotation %s has more than %d bytes", AnnotationApprove, maxApproval)
	}
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var out []Approval
	for part := range strings.SplitSeq(text, ",") {
		a, err := parseApproval(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("annotation %s: %w", AnnotationApprove, err)
		}
		out = append(out, a)
	}
	return out, nil
}

func parseApproval(text string) (Approval, error) {
	fields := strings.Split(text, ":")
	if len(fields) < 2 || len(fields) > 3 {
		return Approval{}, fmt.Errorf("%q is not of the form KIND:NAME:TOKEN", text)
	}
	a := Approval{Kind: ApprovalKind(fields[0]), Subject: fields[1]}
	if len(fields) == 3 {
		if a.Token = fields[2]; a.Token == "" {
			return Approval{}, fmt.Errorf("%q ends with nothing after its last colon", text)
		}
	}
	switch {
	case !slices.Contains(approvalKinds, a.Kind):
		return Approval{}, fmt.Errorf("%q agrees to %q, which is none of %s, %s, %s and %s", text, a.Kind, ApproveReplace, ApproveRecover, ApproveStartEmpty, ApproveAdopt)
	case len(validation.IsDNS1123Label(a.Subject)) > 0:
		return Approval{}, fmt.Errorf("%q names %q, which is no name", text, a.Subject)
	case a.Token == "":
		return Approval{}, fmt.Errorf("%q does not say which one: copy the text that the status gives", text)
	case strings.ContainsFunc(a.Token, notInToken):
		return Approval{}, fmt.Errorf("%q has a character after its last colon that is no letter, digit, dash, dot or underscore", text)
	}
	return a, nil
}

func notInToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
}

// Approved tells whether the user agreed to exactly this, token included. What
// cannot be read agrees to nothing; ParseApprovals says why.
func (d *Datastore) Approved(what Approval) bool {
	given, err := ParseApprovals(d.Annotations[AnnotationApprove])
	return err == nil && slices.Contains(given, what)
}
