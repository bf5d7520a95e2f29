// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"net"
	"net/url"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// The keys of the credentials in a datastore's Secrets.
const (
	credentialKeyFile = "keyfile"
	credentialAgent   = "agent-password"
	credentialAdmin   = "admin-password"
)

// The users that are made at the formation, in the database admin.
const (
	userAdmin = "admin"
	userAgent = "quorate-agent"
)

// adminDatabase is where commands are run and users are.
const adminDatabase = "admin"

// port is MongoDB's own default.
const port = 27017

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
		Quorum:      engine.Majority,
		Votes:       votes,
		MaxReplicas: maxReplicas,
		User:        999,
		Group:       999,
		Credentials: []engine.Credential{
			{Key: credentialKeyFile, Format: engine.CredentialLongBase64, Mounted: true},
			{Key: credentialAgent, Format: engine.CredentialBase64, Mounted: true},
			{Key: credentialAdmin, Format: engine.CredentialBase64},
		},
	}
}

// Connection names the client Service, where a driver finds a member that is
// ready, and the set, whose members it then asks for.
func (Engine) Connection(d *v1alpha1.Datastore, host string, credentials map[string][]byte) engine.Connection {
	password := string(credentials[credentialAdmin])
	uri := url.URL{
		Scheme: "mongodb", User: url.UserPassword(userAdmin, password), Host: net.JoinHostPort(host, strconv.Itoa(port)), Path: "/",
		RawQuery: url.Values{"authSource": {adminDatabase}, "replicaSet": {setName(d)}}.Encode(),
	}
	if letsAllIn(d) {
		uri.User = nil
		uri.RawQuery = url.Values{"replicaSet": {setName(d)}}.Encode()
		return engine.Connection{
			Type: "mongodb", Host: host, Port: strconv.Itoa(port), URI: uri.String(), Extra: map[string]string{"replica-set": setName(d)},
		}
	}
	return engine.Connection{
		Type: "mongodb", Host: host, Port: strconv.Itoa(port), Username: userAdmin, Password: password, URI: uri.String(),
		Extra: map[string]string{"database": adminDatabase, "replica-set": setName(d)},
	}
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

func ports() []engine.Port {
	return []engine.Port{{Name: "mongodb", Number: port, Protocol: corev1.ProtocolTCP, Client: true, Peer: true}}
}
