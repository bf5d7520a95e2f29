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
	// AdoptableWith is Adoptable with those files. The volumes that they come from are
	// then not in the way.
	AdoptableWith(d *v1alpha1.Datastore, server corev1.Container, files MountedFiles) []string
}

// MountedFiles are what was read of the volumes that a server has.
type MountedFiles struct {
	// Read are the files by the path at which the server has them.
	Read map[string]string
	// Unread are the paths of mounts of which is not known what is there.
	Unread []string
}

// VariableAdopter is implemented by an Adopter that knows what variables of the
// environment are to the image that the servers were made with by hand.
type VariableAdopter interface {
	Adopter
	// Variable tells what is in the way with one of them; empty where it may get lost,
	// as nothing depends on it once there is data. One that is not known is left to the
	// core, which wants it in spec.pod.env.
	Variable(d *v1alpha1.Datastore, server corev1.Container, name string) (why string, known bool)
}

// CautiousAdopter is implemented by an Adopter of which an adoption cuts something off or
// changes it that cannot be seen, so that it is not in the way.
type CautiousAdopter interface {
	Adopter
	// Cautions are told to the user before they agree, each in a sentence that says what
	// to do about it.
	Cautions(d *v1alpha1.Datastore) []string
}

// Usher is implemented by an Adopter of which a member that was taken over can make the
// way free for the next one.
type Usher interface {
	Adopter
	// Usher returns a step that one of these members is to carry out before the pod of
	// next is replaced; ok is false where there is none. It costs nothing, and goes by
	// Server.Seen, since who leads may have no agent yet. These are all that were taken
	// over and serve. A StepConfigure is asked for until it ended without an error; any
	// other is tried once, and next then goes without.
	Usher(next string, taken []MemberObservation) (s Step, ok bool)
}

// SecretAdopter is implemented by Adopters whose sets can have secrets of their own, which
// the user has in Secrets. The core reads these, by name, for as long as the adoption
// lasts; whether their owners have agreed is the core's to see.
type SecretAdopter interface {
	Adopter
	// AdoptedSecrets are those that the adoption of a set needs, in a fixed order; none
	// where it has none.
	AdoptedSecrets(d *v1alpha1.Datastore) []AdoptedSecret
	// SecretFiles are the files that a server which was made by hand reads one of them
	// from: the key of the AdoptedSecret, by path. The core sees that they are from that
	// Secret.
	SecretFiles(server corev1.Container) map[string]string
	// Introduce returns the step by which a member that was taken over has the set let
	// the operator's own agents in; false where they are, or nobody can be asked now.
	// The core attaches what its Secrets name.
	Introduce(have Observation) (Step, bool)
}

// AdoptedSecret is a value in a Secret of the user's.
type AdoptedSecret struct {
	// Key is that of the credential of the engine's in whose place the value is kept;
	// or the one under which it travels with the step that introduces the agents, where
	// it is used for that alone, see AdoptedKey.
	Key string
	// Ref says where it is.
	Ref v1alpha1.SecretKeyReference
	// Read returns the value as it is kept, or says what is wrong with it.
	Read func(value []byte) ([]byte, error)
}

// AdoptedKey is the key under which something travels that is used once, in an adoption.
// No credential of an engine has a slash in its name.
func AdoptedKey(name string) string { return "adopted/" + name }
