// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/quorate/quorate/api/v1alpha1"
)

// Engine is everything the operator knows about one kind of server. All of it
// is pure, so that a plan can be computed, shown and tested without a server.
type Engine interface {
	// Traits are what never changes from one datastore to the next.
	Traits() Traits
	// Validate finds what the schema cannot: settings that the engine owns,
	// versions it does not know. Old is nil on first sight.
	Validate(old, now *v1alpha1.Datastore) field.ErrorList
	// Template is the server's container and files. What differs by ordinal is
	// not in it: Member renders that in the init container.
	Template(d *v1alpha1.Datastore) ServerTemplate
	// Assess reads the reports of one pass. What cannot be proven from them is
	// left unknown, never guessed (law 2).
	Assess(have Observation) Assessment
	// Plan lists the membership steps still to do, in order. An empty list
	// means that the membership is as wanted, or that nothing can be said.
	Plan(want Desired, have Observation) []Step
}

// Local is the engine's half in the agent. It reaches its own server only,
// over localhost. Calls may overlap, of the same method too.
type Local interface {
	// Observe describes the server as it is now. A server that does not answer
	// is not an error: it is reported as not running.
	Observe(ctx context.Context) (Server, error)
	// Do starts or resumes one step and returns when the server has accepted
	// it; the effect is observed, not assumed. It is idempotent.
	Do(ctx context.Context, s Step) error
	// Release writes what only a granted server gets (for instance the number
	// of servers to expect at a formation) before the gate opens.
	Release(m Marker) error
	// Drain hands over what this member leads and returns when that is done.
	// It never leaves the membership: a restart and a shrink look alike here.
	Drain(ctx context.Context) error
}

// Renderer writes, in the init container, what differs by ordinal.
type Renderer interface {
	// Member returns the files, by path relative to the configuration volume,
	// that this member's server reads beside those of the template. Nobody but
	// the server's own user can read them.
	Member(in MemberInput) (map[string][]byte, error)
	// HoldsData tells whether the names at the root of a data volume are the
	// server's own, as against a fresh filesystem's.
	HoldsData(names []string) bool
	// Retire removes the state of a member that has left from its volume, so
	// that it can join afresh. It is called only under a join grant.
	Retire(dataDir string) error
}

// MemberInput is what the init container knows of its own member.
type MemberInput struct {
	Name      string            // the pod's name, which is the member's name
	Ordinal   int               // from the pod's name
	Rack      string            // the member's, where there are racks; its ordinal then is that within the rack
	PodIP     string            // may change at each restart
	Address   string            // the stable address of this member, if the engine has the trait
	Host      string            // else the name of its pod in DNS, which outlives its addresses
	Addresses map[string]string // of all members, by name
	ClusterID string            // the identity in the ledger
	Secrets   map[string][]byte // the mounted member credentials
	Shared    map[string][]byte // the files that all members have, by name
}

// Kit is what an engine brings: its pure half and the makers of its local half.
type Kit struct {
	Name     v1alpha1.Engine
	Engine   Engine
	Renderer Renderer
	// NewLocal makes the agent's half.
	NewLocal func(LocalConfig) (Local, error)
}

// LocalConfig is what the agent knows of its server.
type LocalConfig struct {
	Member    string // the member's name
	ConfigDir string // where Release may write
	DataDir   string // the data volume
	SecretDir string // the mounted member credentials, reloaded from disk
	RunDir    string // shared with the server's container, which cannot write there
}
