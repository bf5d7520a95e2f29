// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/engine"
)

// MaxMembers bounds the members of a World.
const MaxMembers = 6

// Datastore is the name of the datastore in every World.
const Datastore = "db"

// Name returns the name of the member with an ordinal.
func Name(member int) string { return memberNames[member] }

// Ordinal returns the member of a name, or -1.
func Ordinal(name string) int {
	for i, n := range memberNames {
		if n == name {
			return i
		}
	}
	return -1
}

// ParamPrefer is the parameter of a StepDown that names who should take over,
// separated by commas, in the words of the models.
const ParamPrefer = "prefer"

// Preferred returns the members that a step prefers, or all where it prefers
// none.
func Preferred(s engine.Step) func(member int) bool {
	names := strings.Split(s.Params[ParamPrefer], ",")
	return func(member int) bool { return s.Params[ParamPrefer] == "" || slices.Contains(names, Name(member)) }
}

var memberNames = func() (out [MaxMembers]string) {
	for i := range out {
		out[i] = fmt.Sprintf("%s-%d", Datastore, i)
	}
	return out
}()

// Model is the servers of one engine, and the data on their volumes. It does
// what real servers would, including what is awkward for the manager, and
// nothing that the world does for it: a stopped server stays down until Start.
//
// A model has no clock. What takes time in a real server is a Move, which may
// come at any moment or not at all.
type Model interface {
	// Clone returns an independent copy.
	Clone() Model
	// Key appends all that distinguishes this state from another one.
	Key(b []byte) []byte
	// Start starts a member's server on its volume, with what the marker lets
	// be rendered.
	Start(member int, m engine.Marker)
	// Stop ends a member's server at once, as SIGKILL would. Its data stays.
	Stop(member int)
	// Wipe removes a member's data: its claim is gone, or its agent retires it.
	Wipe(member int)
	// HasData tells whether a member's volume holds data of a server.
	HasData(member int) bool
	// Running tells whether a member's server runs.
	Running(member int) bool
	// Observe is what the local half in the agent would report.
	Observe(member int) engine.Server
	// Do has a member's server accept a step, as the local half would.
	Do(member int, s engine.Step) error
	// Moves are what the servers may do next by themselves, in a fixed order.
	Moves() []Move
	// Move makes one of them.
	Move(m Move)
	// Truth is what an observer of everything would know.
	Truth() Truth
}

// Recoverer is a model of servers whose set can be recovered from a minority.
type Recoverer interface {
	// Recover has a member's data be such that its server, when it starts next, is
	// a member of a set of the survivors that the parameters name, in the words of
	// the engine. It returns the survivors.
	Recover(member int, params map[string]string) (survivors []int)
}

// Move is something that servers do by themselves.
type Move struct {
	// Kind and the operands are the model's own.
	Kind, A, B uint8
	// Adverse moves can happen and need not: a fair world never makes them.
	Adverse bool
}

// Truth is what is so, whoever knows it.
type Truth struct {
	// Formations is how many different sets ever came into being.
	Formations int
	// Serving is true while a quorum serves.
	Serving bool
	// Usable is true once all that follows a formation has been done.
	Usable bool
	// Unread says of which rows that were acknowledged a quorum of the replicas has no
	// current copy any more, although as many volumes are there as it takes; empty
	// where there are none.
	Unread string
	// Usurped is true once an empty server has taken the vote of a member that
	// had lost its data.
	Usurped bool
	// Peers is the membership of the set.
	Peers []TruePeer
}

// TruePeer is one identity in the membership.
type TruePeer struct {
	Member int
	ID     string
	Voter  bool
	// Data is true while the volume that the identity lives on exists.
	Data bool
	// Empty is true while nothing of the set's is on that volume yet.
	Empty bool
	// Healthy is true while its server runs and takes part.
	Healthy bool
}

// voters counts voters and healthy voters.
func (t Truth) voters() (voters, healthy int) {
	for _, p := range t.Peers {
		if p.Voter {
			voters++
			if p.Healthy {
				healthy++
			}
		}
	}
	return voters, healthy
}

// peers returns how many identities a member has in the membership.
func (t Truth) peers(member int) int {
	n := 0
	for _, p := range t.Peers {
		if p.Member == member {
			n++
		}
	}
	return n
}
