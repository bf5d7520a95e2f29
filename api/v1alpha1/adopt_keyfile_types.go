// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// AuthenticationKeyFile is a set whose servers know each other by a key file, and their
// clients by name and password.
const AuthenticationKeyFile AdoptedAuthentication = "KeyFile"

// AdoptedKeyFile names what the operator has to know of a set with authentication. Both
// Secrets must bear the label quorate.dev/datastores-may-use with the value true, and
// are needed until the set is adopted.
type AdoptedKeyFile struct {
	// secretRef names the key file that the servers have. It is kept: ours are started
	// with it. It can be rotated once the set is adopted.
	// +required
	SecretRef SecretKeyReference `json:"secretRef"`

	// administratorSecretRef names a Secret with the keys username and password: those
	// of a user in the database admin who may make users. It is used once, to make the
	// operator's own users quorate-admin and quorate-agent.
	// +required
	AdministratorSecretRef SecretReference `json:"administratorSecretRef"`
}

// SecretReference is a Secret in the same namespace.
type SecretReference struct {
	// name of the Secret.
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="name must be the name of a Secret: lower-case letters, digits, dashes and dots"
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
}
