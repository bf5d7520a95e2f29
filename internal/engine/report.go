// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import "slices"

// VolumeState is what an agent finds on its data volume.
type VolumeState string

const (
	// VolumeEmpty holds nothing of a server's and no grant: its server waits
	// for one.
	VolumeEmpty VolumeState = "Empty"
	// VolumeMember bears the marker of a grant: its server starts at once,
	// without anybody.
	VolumeMember VolumeState = "Member"
	// VolumeLeaving bears the mark of a leave that was begun, or done where it moves
	// data, and that the manager will see through. Its server never starts on this data again; a
	// Join grant has the data removed and lets it start afresh.
	VolumeLeaving VolumeState = "Leaving"
	// VolumeRecovering bears the word of a recovery that was agreed to. Its server
	// does not start before its data was prepared for that, see Recovery.
	VolumeRecovering VolumeState = "Recovering"
	// VolumeUnmarked holds data of a server's and no marker, in a pod that was told
	// that its set may have been made by hand: its server waits for a grant to go on
	// with that data. In any other pod such a volume is foreign.
	VolumeUnmarked VolumeState = "Unmarked"
	// VolumeForeign holds data without a marker, or with another set's. Its
	// server never starts.
	VolumeForeign VolumeState = "Foreign"
)

// Marker is the file that binds a volume to its datastore, written before the
// server first starts.
type Marker struct {
	// Version of this format.
	Version int `json:"version"`
	// Member is the name of the pod that was granted.
	Member string `json:"member"`
	// Grant is the manager's word that let the server start on it.
	Grant Grant `json:"grant"`
	// Formed is set once the server was seen to be part of a formed set; from
	// then on nothing is rendered that could form another.
	Formed bool `json:"formed,omitempty"`
	// Leaving is set before a leave is begun; where it moves data, once it is done.
	Leaving bool `json:"leaving,omitempty"`
	// Recovery is the last one that was told of, and Recovered the number of the
	// last one that the data was prepared for, or that was given up.
	Recovery  *Recovery `json:"recovery,omitempty"`
	Recovered int       `json:"recovered,omitempty"`
	// Epoch is the highest epoch seen (fencing).
	Epoch int64 `json:"epoch,omitempty"`
}

// Recovering tells whether the data has still to be prepared for a recovery.
func (m Marker) Recovering() bool { return m.Recovery != nil && m.Recovery.Number > m.Recovered }

// Report is what one agent says of its own member. It is untrusted input: its
// size is bounded where it is read, and every field is checked against what
// the API server says of the pod.
type Report struct {
	// Protocol is the version of the protocol that the agent speaks.
	Protocol int `json:"protocol"`
	// Member and PodUID say who reports.
	Member string `json:"member"`
	PodUID string `json:"podUID"`
	// Volume is what the agent found.
	Volume VolumeState `json:"volume"`
	// VolumeFull is true where next to nothing can be written to it any more.
	VolumeFull bool `json:"volumeFull,omitempty"`
	// ClusterID, ClaimUID and Grant are the marker's.
	ClusterID string    `json:"clusterID,omitempty"`
	ClaimUID  string    `json:"claimUID,omitempty"`
	Grant     GrantKind `json:"grant,omitempty"`
	// Recovery is the number of the last recovery that the agent was told of, and
	// Recovered that of the last one that is done with on this volume.
	Recovery  int `json:"recovery,omitempty"`
	Recovered int `json:"recovered,omitempty"`
	// Released is true once the gate is open for this pod.
	Released bool `json:"released,omitempty"`
	// Ending is true once the kubelet has said, by preStop, that the server is to end. A
	// pod whose kubelet is away is deleted and goes on; this one does not.
	Ending bool `json:"ending,omitempty"`
	// Epoch is the highest that the agent has seen.
	Epoch int64 `json:"epoch,omitempty"`
	// Server is what the server says.
	Server Server `json:"server"`
	// Action is the last one that the agent was asked for.
	Action *ActionState `json:"action,omitempty"`
	// Mounts are hashes of what is mounted, by key, so that the operator never
	// has to list Secrets to know who has which.
	Mounts map[string]string `json:"mounts,omitempty"`
	// Problem is the last complaint of agent or server, for a person; bounded.
	Problem string `json:"problem,omitempty"`
}

// ActionState is how far an action has come.
type ActionState struct {
	ID    string   `json:"id"`
	Kind  StepKind `json:"kind"`
	Done  bool     `json:"done,omitempty"`
	Error string   `json:"error,omitempty"`
	// Before is how the one before it ended that was of the same kind, if in an error, as
	// long as this one is carried out.
	Before string `json:"before,omitempty"`
}

// Refusal is how the last try that has ended, of an action of a kind, ended: empty where
// that was without an error, or there was none. An agent that does not tell of the one
// before has none while it tries again.
func (a *ActionState) Refusal(kind StepKind) string {
	switch {
	case a == nil || a.Kind != kind:
		return ""
	case a.Done:
		return a.Error
	}
	return a.Before
}

// Busy tells whether there is an action that is still carried out.
func (a *ActionState) Busy() bool { return a != nil && !a.Done && a.Error == "" }

// Server is what a member's own server says. Nothing in it changes by itself:
// counters and times would end every long poll at once.
type Server struct {
	// Running is true when the server answers on localhost.
	Running bool `json:"running,omitempty"`
	// Serving is true when it can answer clients in its planned role.
	Serving bool `json:"serving,omitempty"`
	// Leaving is true while it gives away what it has, so as to leave.
	Leaving bool `json:"leaving,omitempty"`
	// ID is the engine's own identity of this member.
	ID string `json:"id,omitempty"`
	// Set is the engine's own identity of the set whose state the server holds,
	// where it has one.
	Set string `json:"set,omitempty"`
	// Version is that of the running process.
	Version string `json:"version,omitempty"`
	// Role in the engine's words (for instance leader, follower).
	Role string `json:"role,omitempty"`
	// Leader is true where this server leads.
	Leader bool `json:"leader,omitempty"`
	// Formed is true when this server holds the state of a formed set. False
	// with Running means: known not to.
	Formed bool `json:"formed,omitempty"`
	// Term is the election term or the configuration's version.
	Term uint64 `json:"term,omitempty"`
	// View is the membership as this server knows it, from a read that needed
	// a quorum; nil where that failed.
	View *View `json:"view,omitempty"`
	// Seen is the membership as this server alone has it, which nobody confirmed.
	// It is there only on a volume that was adopted, and counts for nothing but the
	// adoption of the others: none of those who could confirm it may have an agent.
	Seen *View `json:"seen,omitempty"`
	// Settings is the SettingsHash of the reloadable files that the process runs
	// with; empty where that is not known, as between a file and its reload.
	Settings string `json:"settings,omitempty"`
	// Keys are hashes of the keys on the volume that the server shares with the
	// others, the one that it uses first, see KeyHash; none where that is not known.
	// A server that starts again has these.
	Keys []string `json:"keys,omitempty"`
	// Logins are hashes of the passwords that this server was last seen to take, by the
	// key of the credential, see Credential.Login. Of one that is not mounted it is told
	// by who leads alone, once a majority has it, and until another election.
	Logins map[string]string `json:"logins,omitempty"`
	// KeptOut is true where the server runs and has users, and takes none of the passwords
	// that its agent has.
	KeptOut bool `json:"keptOut,omitempty"`
	// Space is what it has on its volume, and how much is free there; nil where that is
	// not known, or nobody plans by it.
	Space *Space `json:"space,omitempty"`
	// Accounts is what the server that leads was last seen to have of them; nil where
	// that is not known, as after a change of who leads.
	Accounts *AccountState `json:"accounts,omitempty"`
	// Facts are in the engine's words, for its own Plan.
	Facts map[string]string `json:"facts,omitempty"`
}

// TakesPart tells whether a server may be a member with a vote, by its own word: one that
// holds the set's state and does not say who is in the set may be.
func (s Server) TakesPart() bool {
	return s.Formed && (s.View == nil || slices.ContainsFunc(s.View.Peers, func(p Peer) bool { return p.ID == s.ID && p.Voter }))
}

// View is one server's knowledge of the membership.
type View struct {
	Peers []Peer `json:"peers"`
	// Tolerance is the engine's own figure, which can be seconds old.
	Tolerance int `json:"tolerance"`
}

// LedBy tells whether a member leads, as this view has it.
func (v *View) LedBy(name string) bool {
	return slices.ContainsFunc(v.Peers, func(p Peer) bool { return p.Leader && p.Name == name })
}

// Peer is one identity in the membership.
type Peer struct {
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
	Version string `json:"version,omitempty"`
	Voter   bool   `json:"voter,omitempty"`
	Leader  bool   `json:"leader,omitempty"`
	Healthy bool   `json:"healthy,omitempty"`
	// Spare is true for a member that needs no vote now, since as many others have
	// one as shall. The core sets it.
	Spare bool `json:"-"`
}

// Full tells whether a member is what it shall be: it has its vote, or shall have
// none.
func (p Peer) Full() bool { return p.Voter || p.Spare }
