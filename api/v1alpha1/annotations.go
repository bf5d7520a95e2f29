// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Annotations of a Datastore by which the user asks for something that is no
// part of the specification. They are read, and never written or removed by the
// operator.
const (
	// AnnotationSwitchover names the member that should lead, such as db-1. When
	// it is set or changed, and no other work is due, the leadership is handed to
	// that member as soon as it is a healthy voter, once; who leads afterwards is
	// not undone. A name that no member has is reported and otherwise ignored.
	AnnotationSwitchover = GroupName + "/switchover"

	// AnnotationApprove is the user's consent to what may cost data. Its value
	// names exactly what is agreed to, such as
	//
	//	replace:db-2:6f1c0f1e-7f6c-4f0a-9d1f-3f8a4f1f0c11
	//	recover:db-1:1
	//	start-empty:db:0d1c7f0e-52a4-4b0e-8b4c-0d1f5a0c9b7e
	//	adopt:db:4f8a6b0c-0d3e-4c57-9a52-7d3b1c9e2f60
	//
	// and several are separated by commas. The status gives the text to be put
	// there; see ParseApprovals for its form. What is not named is not agreed
	// to, and a consent that no longer fits, since the claim is another one by
	// now, has no effect.
	AnnotationApprove = GroupName + "/approve"

	// AnnotationAdoptableBy is not on a Datastore but on a StatefulSet that was made
	// by hand: by it its owner allows the Datastore of the name that is its value to
	// take it over.
	AnnotationAdoptableBy = GroupName + "/adoptable-by"

	// AnnotationRotateCertificates asks for another authority and other pairs, by
	// which operator and agents know each other, though none is due. Any value
	// that was not given before is another request, such as a date. The last one
	// that was begun is noted under the same name on the authority's Secret.
	AnnotationRotateCertificates = GroupName + "/rotate-certificates"

	// AnnotationRotate asks for another credential in the place of one that all
	// servers of a set share, or of a password of the operator's, while they run. Its
	// value names it, in the engine's word, and is followed by any word of the user's,
	// such as
	//
	//	gossip-key:2026-05
	//	key-file:2026-05
	//	agent-password:2026-05
	//	admin-password:2026-05
	//
	// A value that was not given before is another request; each is carried out
	// once, and the last one that was is noted in the ledger. One that was there
	// before the set formed counts as carried out. See ParseRotation for its form.
	AnnotationRotate = GroupName + "/rotate"
)
