// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
)

// Adopter is implemented by engines of which a set that was made by hand can be
// taken over.
type Adopter interface {
	// Adoptable reads the pods that somebody made, and returns what is in the way of
	// having the same servers run in pods of ours, each in a sentence that says what
	// to do about it; none where nothing is. What it does not understand is in the
	// way: a setting that is lost on the way may be what the data needs.
	//
	// The core has seen that the image is the same, that the server's container is
	// the only one, and that the claim is mounted where Template has it.
	Adoptable(d *v1alpha1.Datastore, server corev1.Container) []string
}

// FileAdopter is implemented by an Adopter whose servers may be started by hand with
// files of a ConfigMap that their pods mount.
type FileAdopter interface {
	Adopter
	// AdoptableWith is Adoptable with those files, by the path at which the server has
	// them. The volumes that they come from are then not in the way.
	AdoptableWith(d *v1alpha1.Datastore, server corev1.Container, files map[string]string) []string
}

// Usher is implemented by an Adopter of which a member that was taken over can make the
// way free for the next one.
type Usher interface {
	Adopter
	// Usher returns a step that one of these members is to carry out before the pod of
	// next is replaced; ok is false where there is none. It costs nothing, and goes by
	// Server.Seen, since who leads may have no agent yet. These are all that were taken
	// over and serve. What was tried is not asked for again: next then goes without.
	Usher(next string, taken []MemberObservation) (s Step, ok bool)
}
