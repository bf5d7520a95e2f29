// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// The most members that a set can have, and how many of them can have a vote.
const (
	maxReplicas = 50
	maxVotes    = 7
)

// Engine is the pure half. Its zero value is ready for use.
type Engine struct{}

var (
	_ engine.Engine    = Engine{}
	_ engine.Connector = Engine{}
	_ engine.Upgrader  = Engine{}
)

// Traits are those of a set that a first member forms and the others are added
// to by name. A member has no address of its own: the name of its pod is good
// for as long as there is the member, and a server finds itself under it without
// asking DNS, since the kubelet tells it.
func (Engine) Traits() engine.Traits {
	return engine.Traits{
		Formation:   engine.FormFirst,
		VoteFollows: true,
		Quorum:      engine.Majority,
		Votes:       votes,
		MaxReplicas: maxReplicas,
		User:        999,
		Group:       999,
		Credentials: []engine.Credential{
			{Key: CredentialKeyFile, Format: engine.CredentialLongBase64, Mounted: true, Rotates: "key-file", Restarts: true},
			{Key: CredentialAgent, Format: engine.CredentialBase64, Mounted: true, Rotates: "agent-password", Login: true},
			{Key: CredentialAdmin, Format: engine.CredentialBase64, Rotates: "admin-password", Login: true},
		},
	}
}

// Connection is that of the administrator.
func (Engine) Connection(d *v1alpha1.Datastore, host string, credentials map[string][]byte) engine.Connection {
	if letsAllIn(d) {
		return openConnection(d, host)
	}
	return connection(d, host, administrator(d), string(credentials[CredentialAdmin]), AdminDatabase)
}

// votes is how many of n members shall have a vote: an odd number, since an even
// one has to agree on more and tolerates no more. Of two members both have one:
// with one vote alone a write would be acknowledged that only one volume has.
func votes(n int) int {
	switch {
	case n <= 2:
		return n
	case n > maxVotes:
		return maxVotes
	case n%2 == 0:
		return n - 1
	}
	return n
}

// setName is the name of the replica set. One that was made by hand keeps its own.
func setName(d *v1alpha1.Datastore) string {
	if a := d.Spec.Adopt; a != nil {
		return a.SetName
	}
	return d.Name
}

// letsAllIn tells whether the set has no authentication, as one that was made by hand
// and keeps it so.
func letsAllIn(d *v1alpha1.Datastore) bool {
	return d.Spec.Adopt != nil && d.Spec.Adopt.Authentication == v1alpha1.AuthenticationNone
}

// administrator is the user of the operator's who may do all. A set that was made by hand
// may have an admin of its own, who is nobody else's.
func administrator(d *v1alpha1.Datastore) string {
	if a := d.Spec.Adopt; a != nil && a.Authentication == v1alpha1.AuthenticationKeyFile {
		return UserAdopter
	}
	return UserAdmin
}

func ports() []engine.Port {
	return []engine.Port{{Name: "mongodb", Number: Port, Protocol: corev1.ProtocolTCP, Client: true, Peer: true}}
}
