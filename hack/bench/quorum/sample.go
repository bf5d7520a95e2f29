// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package quorum looks at a set of servers from outside, several times a
// second, and says from what it saw when all of the set was there, and how
// little of it was left at the worst moment.
package quorum

import (
	"net"
	"slices"
	"strings"
	"time"
)

// Member is a pod that runs, or is to run, a server.
type Member struct {
	// Name and UID are the pod's; Node is where it runs.
	Name, UID, Node string
	// Container is the id of the server's container; empty where there is none.
	Container string
	// URL is where Consul in it would be called; empty while the pod has no address.
	URL string
	// Addresses are those by which the set may know it: the pod's own, and that of
	// a Service that is for this pod alone.
	Addresses []string
	// Annotations are the pod's.
	Annotations map[string]string
	// Running tells that the server's container runs, Leaving that the pod is
	// being deleted.
	Running, Leaving bool
	// Restarts counts those of the server's container.
	Restarts int32
}

// Answer is what a server says for itself.
type Answer struct {
	// Alive tells that it answered.
	Alive bool
	// Leader is the address of the one that it follows; empty where it knows of
	// none.
	Leader string
}

// Peer is a server in the set's configuration.
type Peer struct {
	ID, Node, Address string
	Leader, Voter     bool
}

// Server is what the leader says of the health of one, in Consul autopilot.
type Server struct {
	ID, Name, Version string
	Healthy, Voter    bool
}

// Sample is one look at the set.
type Sample struct {
	// At is when the look began.
	At time.Time
	// Members are the pods, as a watch knew them then.
	Members []Member
	// Answers are the servers' own, by the member's name.
	Answers map[string]Answer
	// IDs are the identities of the running servers, by the member's name.
	IDs map[string]string
	// Replicas is how many members have a copy of each row, where nobody leads and every
	// member says who belongs to the set; 0 where each has all, and one leads.
	Replicas int
	// Peers and Health are nil where no leader told them, or in a ring nobody.
	Peers  []Peer
	Health []Server
	// Missing is what the scenario itself still waits for, besides the voters.
	Missing string
}

// Member returns the one of a name.
func (s Sample) Member(name string) (Member, bool) {
	for _, m := range s.Members {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

// Leader returns the member that leads, as the leader itself says.
func (s Sample) Leader() (Member, bool) {
	for _, p := range s.Peers {
		if p.Leader {
			return s.memberOf(p)
		}
	}
	return Member{}, false
}

// memberOf returns the pod that is reached at a peer's address.
func (s Sample) memberOf(p Peer) (Member, bool) {
	for _, m := range s.Members {
		if m.is(p.Address) {
			return m, true
		}
	}
	return Member{}, false
}

// is tells whether the configuration means this member by an address, or by the
// name of its pod in DNS.
func (m Member) is(address string) bool {
	host, _, err := net.SplitHostPort(address)
	name, _, _ := strings.Cut(host, ".")
	return err == nil && (slices.Contains(m.Addresses, host) || name == m.Name)
}

// healthy tells whether autopilot says so of a server; where it says nothing,
// whether nobody says the contrary.
func (s Sample) healthy(id string) bool {
	if !s.judged() {
		return true
	}
	for _, h := range s.Health {
		if h.ID == id {
			return h.Healthy
		}
	}
	return false
}

// judged tells whether autopilot has looked at the servers. A leader that was
// just elected has not, and calls all of them unhealthy, itself included.
func (s Sample) judged() bool {
	if s.Replicas > 0 {
		return s.Health != nil // in a ring everybody who answers has
	}
	for _, p := range s.Peers {
		for _, h := range s.Health {
			if p.Leader && h.ID == p.ID {
				return h.Healthy
			}
		}
	}
	return false
}
