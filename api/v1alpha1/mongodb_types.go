// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// LabelConsent is the consent label: a Secret that a Datastore refers to must bear it,
// with the value ConsentGiven, since whoever may create a Datastore could otherwise
// have the content of any Secret of the namespace given to a server of their own.
const (
	LabelConsent = GroupName + "/datastores-may-use"
	ConsentGiven = "true"
)

// MongoDBSpec is what only the engine MongoDB has.
type MongoDBSpec struct {
	// users are the users that the operator keeps: it makes them, gives them the
	// roles and the password that are asked for, and drops one that is taken out of
	// this list. A user that somebody else has made is neither changed nor dropped.
	// For each there is a Secret, DATASTORE-user-NAME, with the connection.
	// +kubebuilder:validation:MaxItems=32
	// +listType=map
	// +listMapKey=name
	// +optional
	Users []MongoDBUser `json:"users,omitempty"`
}

// MongoDBUser is a user of the replica set.
type MongoDBUser struct {
	// name of the user. It is part of the name of its Secret.
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="name of a user must hold only lower-case letters, digits and dashes, since a Secret is named after it"
	// +kubebuilder:validation:XValidation:rule="!(self in ['admin', 'quorate-admin', 'quorate-agent'])",message="name of a user must not be admin, quorate-admin or quorate-agent, which are the operator's: choose another name"
	// +kubebuilder:validation:XValidation:rule="!self.matches('(^|-)(ca|connection|manager|member)$')",message="name of a user must not end in ca, connection, manager or member, since Secrets of another Datastore are named so: choose another ending"
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`

	// database is where the user is kept and logs in, and the one that its roles are
	// on unless they name another.
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_-]+$') && !(self in ['local', 'config'])",message="database must hold only letters, digits, dashes and underscores, and not be local or config, which belong to the server"
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:default=admin
	// +optional
	Database string `json:"database,omitempty"`

	// roles are what the user may do, in MongoDB's words.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +required
	Roles []MongoDBRole `json:"roles"`

	// passwordSecretRef names the password, in a Secret of the same namespace that
	// bears the label quorate.dev/datastores-may-use with the value true. The user
	// gets another password when the Secret has. If it is absent, a password is
	// made.
	// +optional
	PasswordSecretRef *SecretKeyReference `json:"passwordSecretRef,omitempty"`
}

// MongoDBRole is a role on a database.
type MongoDBRole struct {
	// role is the name of a role of MongoDB, such as readWrite, or of one that you
	// have made.
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_.-]+$') && !(self in ['__system', '__queryableBackup'])",message="role must be the name of a role, such as readWrite, and not one of the server's own"
	// +kubebuilder:validation:MaxLength=128
	// +required
	Role string `json:"role"`

	// db is the database that the role is on. If it is absent, it is the user's.
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_-]+$')",message="db must hold only letters, digits, dashes and underscores"
	// +kubebuilder:validation:MaxLength=63
	// +optional
	DB string `json:"db,omitempty"`
}

// SecretKeyReference is a key of a Secret in the same namespace.
type SecretKeyReference struct {
	// name of the Secret.
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="name must be the name of a Secret: lower-case letters, digits, dashes and dots"
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`

	// key in the Secret.
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._A-Za-z0-9]+$')",message="key must be one that a Secret can have, such as password"
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:default=password
	// +optional
	Key string `json:"key,omitempty"`
}
