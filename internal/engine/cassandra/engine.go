// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cassandra

import (
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// The keys of the credentials in a datastore's Secrets.
const (
	CredentialAgent = "agent-password"
	CredentialAdmin = "admin-password"
)

// The roles that are made at the formation. The administrator is the only superuser:
// the one that a new ring comes with, whose password everybody knows, may no longer
// log in.
const (
	RoleAdmin = "admin"
	RoleAgent = "quorate_agent"
)

// The ports of a server. JMX is on localhost alone.
const (
	PortNative = 9042
	PortPeers  = 7000
	PortJMX    = 7199
)

// rack is that of every member where the user named none.
const rack = "rack1"

// maxFactor is the largest replication factor of the keyspaces that the operator
// owns, and the one that tokens are spread for.
const maxFactor = 3

// maxReplicas is what the simulation of a ring has seen the planning of; a ring
// itself may be larger.
const maxReplicas = 50

// Engine is the pure half. Its zero value is ready for use.
type Engine struct{}

var (
	_ engine.Engine    = Engine{}
	_ engine.Connector = Engine{}
	_ engine.Upgrader  = Engine{}
	_ engine.Racked    = Engine{}
)

// Traits are those of a ring that a first member begins and the others join by
// starting. A member is known by its address, which has to outlive its pods.
func (Engine) Traits() engine.Traits {
	return engine.Traits{
		Formation:      engine.FormFirst,
		StableAddress:  true,
		StartIsJoin:    true,
		LeaveMovesData: true,
		Quorum:         quorum,
		MaxReplicas:    maxReplicas,
		User:           999,
		Group:          999,
		Credentials: []engine.Credential{
			{Key: CredentialAgent, Format: engine.CredentialUUID, Mounted: true},
			{Key: CredentialAdmin, Format: engine.CredentialUUID},
		},
	}
}

// Racks are the user's.
func (Engine) Racks(d *v1alpha1.Datastore) []engine.Rack {
	var out []engine.Rack
	for _, r := range d.CassandraSettings().Racks {
		out = append(out, engine.Rack{Name: r.Name, Zone: r.Zone})
	}
	return out
}

// quorum is how many of n members must be up, so that a majority of the replicas of
// every row is, wherever these are: with a replication factor of three one may be
// down, of however many.
func quorum(n int) int { return n - (factor(n)-1)/2 }

// factor is the replication factor of the operator's own keyspaces among n members.
func factor(n int) int { return min(maxFactor, n) }

// Connection names the client Service, where a driver finds a member that is ready,
// and the datacenter, which drivers ask for.
func (Engine) Connection(d *v1alpha1.Datastore, host string, credentials map[string][]byte) engine.Connection {
	return engine.Connection{
		Type: "cassandra", Host: host, Port: strconv.Itoa(PortNative),
		Username: RoleAdmin, Password: string(credentials[CredentialAdmin]),
		URI:   "cassandra://" + net.JoinHostPort(host, strconv.Itoa(PortNative)),
		Extra: map[string]string{"datacenter": d.CassandraSettings().Datacenter},
	}
}

func ports() []engine.Port {
	return []engine.Port{
		{Name: "cql", Number: PortNative, Protocol: corev1.ProtocolTCP, Client: true, Peer: true},
		{Name: "intra-node", Number: PortPeers, Protocol: corev1.ProtocolTCP, Peer: true},
	}
}
