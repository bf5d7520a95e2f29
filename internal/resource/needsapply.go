// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// NeedsApply tells whether a child has to be applied, and why, comparing what
// is wanted with what is there and asking nobody (law 8). Existing is nil where
// there is none.
//
// It has to be where
//   - there is none;
//   - what was last applied is something else, by the hash in an annotation: so
//     also what was taken out since is seen, and taken out of the stored object;
//   - a field that the operator applied has another value now, because somebody
//     else changed or removed it.
//
// It has not for what the API server filled in, for what others added beside
// it, such as an annotation or a container, or for status.
func NeedsApply(desired, existing client.Object) (bool, string) {
	if isNil(existing) {
		return true, "it does not exist"
	}
	sealed, err := Seal(desired)
	if err != nil {
		return true, err.Error()
	}
	if existing.GetAnnotations()[AppliedAnnotation] != sealed.GetAnnotations()[AppliedAnnotation] {
		return true, "it was last applied as something else"
	}
	stored, err := treeOf(existing)
	if err != nil {
		return true, err.Error()
	}
	// Typed objects that were read have no kind; it was asked for, so it is right.
	delete(sealed.Object, "apiVersion")
	delete(sealed.Object, "kind")
	if at, ok := subset("", sealed.Object, stored); !ok {
		return true, at + " was changed by somebody else"
	}
	return false, ""
}
