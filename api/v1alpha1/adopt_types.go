// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// AdoptedAuthentication says how the servers of a set that was made by hand know
// their clients and each other.
//
// +kubebuilder:validation:Enum=None;KeyFile
type AdoptedAuthentication string

// AuthenticationNone is a set that lets everybody in who reaches it. It stays so.
const AuthenticationNone AdoptedAuthentication = "None"

// Adopt describes a set that was made by hand: a StatefulSet of the Datastore's
// own name, with a claim for each pod, whose servers form a set already.
//
// +kubebuilder:validation:XValidation:rule="has(self.keyFile) == (self.authentication == 'KeyFile')",fieldPath=".keyFile",message="keyFile must be there where authentication is KeyFile, and only there"
type Adopt struct {
	// claimTemplate is the name of the volume claim template of the StatefulSet.
	// The claims keep their names, which begin with it.
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Label().validate(self).hasValue() && !self.startsWith('quorate-')",message="claimTemplate must be the name of the StatefulSet's volume claim template, such as mongo-data, and not begin with quorate-"
	// +kubebuilder:validation:MaxLength=63
	// +required
	ClaimTemplate string `json:"claimTemplate"`

	// setName is the name that the servers of MongoDB know their set by, such as rs0.
	// Those of Consul know theirs by the datacenter, in spec.consul.
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9A-Za-z][0-9A-Za-z._-]*$')",message="setName must be the name of the replica set, as the servers were started with, such as rs0"
	// +kubebuilder:validation:MaxLength=63
	// +optional
	SetName string `json:"setName,omitempty"`

	// authentication is what the set has, and keeps.
	// +required
	Authentication AdoptedAuthentication `json:"authentication"`

	// keyFile says where the secrets of a set with authentication are.
	// +optional
	KeyFile *AdoptedKeyFile `json:"keyFile,omitempty"`
}
