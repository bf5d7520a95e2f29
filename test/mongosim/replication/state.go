// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replication

import (
	"time"

	"go.etcd.io/raft/v3"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/replset"
)

// State is what a member is at the moment, by the server's numbers.
type State int32

// The states that members of the double are in, and Down for those that do not answer.
const (
	Startup    State = 0
	Primary    State = 1
	Secondary  State = 2
	Recovering State = 3
	Startup2   State = 5
	Unknown    State = 6
	Arbiter    State = 7
	Down       State = 8
	Removed    State = 10
)

// String is the server's name of the state.
func (s State) String() string {
	switch s {
	case Startup:
		return "STARTUP"
	case Primary:
		return "PRIMARY"
	case Secondary:
		return "SECONDARY"
	case Recovering:
		return "RECOVERING"
	case Startup2:
		return "STARTUP2"
	case Arbiter:
		return "ARBITER"
	case Down:
		return "(not reachable/healthy)"
	case Removed:
		return "REMOVED"
	}
	return "UNKNOWN"
}

// optime is a place in the log as the server shows it: a time that grows with every operation, and the term.
type optime struct {
	TS   bson.Timestamp `bson:"ts"`
	Term int64          `bson:"t"`
}

func (n *Node) optime() optime {
	return optime{TS: bson.Timestamp{T: n.applied.Seconds, I: uint32(n.applied.Index)}, Term: int64(n.applied.Term)}
}

func (o optime) date() time.Time { return time.Unix(int64(o.TS.T), 0).UTC() }

// state is the member's own.
func (n *Node) state() State {
	switch {
	case n.cfg == nil || !n.looked:
		return Startup
	case n.self < 0:
		return Removed
	case n.raft == nil || n.applied.Index < n.catchUpTo:
		return Startup2
	case n.cfg.Members[n.self].ArbiterOnly:
		return Arbiter
	case n.writable:
		return Primary
	case n.stale:
		return Recovering
	}
	return Secondary
}

// primary is the host of the primary as far as this member knows, or empty.
func (n *Node) primary() string {
	if n.raft == nil {
		return ""
	}
	status := n.raft.BasicStatus()
	if status.RaftState == raft.StateLeader && !n.writable {
		return ""
	}
	if i := n.cfg.Find(int32(status.Lead) - 1); status.Lead != raft.None && i >= 0 {
		return n.cfg.Members[i].Host
	}
	return ""
}

// shape is what clients are told; when it changes, they are to learn of it at once.
type shape struct {
	state    State
	writable bool
	version  int32
	term     int64
	primary  string
	quiesced bool
}

func (n *Node) shape() shape {
	s := shape{state: n.state(), writable: n.writable, primary: n.primary(), quiesced: n.topology.shape.quiesced}
	if n.cfg != nil {
		s.version, s.term = n.cfg.Version, n.cfg.Term
	}
	return s
}

// topology counts the changes of the shape.
type topology struct {
	process bson.ObjectID
	counter int64
	shape   shape
}

func (t *topology) note(s shape) {
	if s != t.shape {
		t.shape = s
		t.counter++
	}
}

// Snapshot is what a member knows at one moment, for the commands that show it.
type Snapshot struct {
	Config   *replset.Config
	Self     int
	State    State
	Writable bool
	Quiesced bool
	Term     int64
	Primary  string
	Optime   bson.Timestamp
	OpTerm   int64
	Wall     time.Time
	Elected  time.Time
	Process  bson.ObjectID
	Counter  int64
	Stale    bool
	Peers    map[string]Peer
}

// Peer is what it knows of another member.
type Peer struct {
	Up        bool
	State     State
	Since     time.Time
	Optime    bson.Timestamp
	OpTerm    int64
	Version   int32
	Term      int64
	Beat      time.Time
	Heard     time.Time
	Ping      time.Duration
	Message   string
	ElectedAt time.Time
}

// Look returns a snapshot.
func (n *Node) Look() Snapshot {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := n.optime()
	s := Snapshot{
		Config: n.cfg, Self: n.self, State: n.state(), Writable: n.writable, Quiesced: n.topology.shape.quiesced,
		Primary: n.primary(), Optime: at.TS, OpTerm: at.Term, Wall: at.date(), Elected: n.electedAt,
		Process: n.topology.process, Counter: n.topology.counter, Stale: n.stale, Peers: map[string]Peer{},
	}
	if n.raft != nil {
		s.Term = int64(n.raft.BasicStatus().GetTerm())
	}
	for host, p := range n.peers {
		s.Peers[host] = p.shown()
	}
	return s
}

func (p *peer) shown() Peer {
	shown := Peer{
		Up: p.up, State: Down, Since: p.since, Beat: p.beatAt, Heard: p.heardAt, Ping: p.pingTook,
		Version: p.answer.Version, Term: p.answer.Term,
	}
	switch {
	case p.up:
		shown.State, shown.Optime, shown.OpTerm = p.answer.State, p.answer.Applied.TS, p.answer.Applied.Term
		shown.ElectedAt = p.answer.ElectedAt
	case p.beatAt.IsZero():
		shown.State = Unknown
	default:
		shown.Message = p.err.Error()
	}
	return shown
}
