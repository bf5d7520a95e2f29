// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

// Recovery is what makes a set of those of its members that have their data,
// where the others' are gone for good and were too many for a quorum. What only
// those had is lost, so that the core asks the user first.
type Recovery struct {
	// Number is how many there have been, with this one.
	Number int `json:"number"`
	// Params are the engine's own, the same for all survivors.
	Params map[string]string `json:"params,omitempty"`
}

// Recoverer is implemented by engines whose set can be recovered so.
type Recoverer interface {
	// Remains reads what those members have who have their volumes.
	Remains(have []MemberObservation) Remains
	// Recover returns the parameters by which each survivor becomes a member of
	// a set of the survivors alone. They are never empty.
	Recover(survivors []MemberObservation) map[string]string
}

// Remains is what is left of a set that nobody leads.
type Remains struct {
	// Newest is the member whose data is the newest; empty where that cannot be
	// told.
	Newest string
	// Voters are the identities that have a vote, by that data.
	Voters []string
	// Why says in a clause how new it is, or why that cannot be told.
	Why string
}

// LocalRecoverer is the part of it in the agent.
type LocalRecoverer interface {
	// Recover writes to the data volume what makes of the server, when it starts
	// next, a member of the recovered set. It is called only while no server runs
	// on the volume and none can start, and may be repeated until one has started.
	Recover(r Recovery) error
}
