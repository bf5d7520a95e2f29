// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"cmp"
	"fmt"
)

// What the two halves of this engine say to each other: the one here, which
// decides, and the one in package consulagent, beside a server, which carries out. Some
// of it is on volumes and in Secrets, and stays as it is for their sake.

// The keys of the credentials in a datastore's Secret.
const (
	CredentialGossip     = "gossip"
	CredentialAgent      = "agent-token"
	CredentialManagement = "management-token"
)

// The ports of a server that both halves know, at Consul's own defaults.
const (
	PortServer = 8300
	PortSerf   = 8301
	PortHTTP   = 8500
)

// Files that are rendered for the server to read, in the order of their names; no
// setting is in two of them.
const (
	ServerFile = "server.json" // shared by all members; the user's settings are in it
	ReloadFile = "reload.json" // as above, those that a running server takes up
	MemberFile = "member.json" // of one member; holds secrets
	FormFile   = "form.json"   // only while the set forms
)

// The parameters of steps.
const (
	ParamQuorum = "minQuorum" // the votes that autopilot must never go below
	ParamPrefer = "prefer"    // the members that should lead next, comma-separated
	// ParamPassOn has a server that does not lead pass the step on to who does: a
	// Configure, or a StepDown to itself. It is for an adoption, in which who leads may
	// have no agent.
	ParamPassOn = "passOn"
	// ParamPeers is the parameter of a recovery: the file that each survivor reads
	// as it starts, as Consul's guide to the recovery from an outage has it. Its
	// Raft then has these servers, whatever it had before, and the file is removed.
	ParamPeers = "peers"
)

// The facts in a report.
const (
	// FactACL is Pending while the server accepts no token of the agent's, and
	// Ready once it does. Open is a set that was made by hand without any.
	FactACL    = "acl"
	ACLPending = "Pending"
	ACLReady   = "Ready"
	ACLOpen    = "Open"
	// FactQuorum and FactCleanup are autopilot's settings, from the leader only.
	FactQuorum  = "minQuorum"
	FactCleanup = "cleanupDeadServers"
)

// What a server tells of its data while nobody leads; it never rests otherwise.
const (
	// FactLog is where its log ends, see LogEnd.
	FactLog = "log"
	// FactVoters are the identities that have a vote by its own configuration,
	// separated by commas.
	FactVoters = "voters"
)

// LogEnd is the last entry of a server's log: that of two logs is the newer whose
// last term is the later one, and at the same term the longer one, which is how
// Raft itself chooses.
type LogEnd struct{ Term, Index uint64 }

// ParseLogEnd reads what String writes.
func ParseLogEnd(text string) (end LogEnd, err error) {
	if _, err := fmt.Sscanf(text, "%d/%d", &end.Term, &end.Index); err != nil {
		return end, fmt.Errorf("read the end of a log %q: %w", text, err)
	}
	return end, nil
}

// String writes it as TERM/INDEX.
func (e LogEnd) String() string { return fmt.Sprintf("%d/%d", e.Term, e.Index) }

// Compare is negative where the other log is the newer one.
func (e LogEnd) Compare(o LogEnd) int {
	return cmp.Or(cmp.Compare(e.Term, o.Term), cmp.Compare(e.Index, o.Index))
}

// RaftPeer is a server in the file of a recovery.
type RaftPeer struct {
	ID       string `json:"id"`
	Address  string `json:"address"`
	NonVoter bool   `json:"non_voter"`
}
