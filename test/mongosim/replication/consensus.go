// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replication

import (
	"errors"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.mongodb.org/mongo-driver/v2/bson"
	"google.golang.org/protobuf/proto"

	"github.com/quorate/quorate/test/mongosim/replset"
	"github.com/quorate/quorate/test/mongosim/store"
)

// electionTicks is how many ticks an election timeout has.
const electionTicks = 20

var errStopped = errors.New("the server is stopping")

// view gives Raft the log and the voters of the installed configuration.
type view struct {
	*memory
	voters *pb.ConfState
}

// InitialState is the kept vote, and who votes.
func (v *view) InitialState() (*pb.HardState, *pb.ConfState, error) {
	hard, _, err := v.memory.InitialState()
	return hard, v.voters, err
}

// Snapshot never has one.
func (v *view) Snapshot() (*pb.Snapshot, error) { return nil, raft.ErrSnapshotTemporarilyUnavailable }

// conf is the configuration in Raft's words: who does not vote learns.
func conf(c *replset.Config) *pb.ConfState {
	state := &pb.ConfState{}
	for _, m := range c.Members {
		if id := uint64(m.ID) + 1; m.Voter() {
			state.Voters = append(state.Voters, id)
		} else {
			state.Learners = append(state.Learners, id)
		}
	}
	return state
}

// conform tells Raft of the installed configuration, member by member.
func (n *Node) conform() {
	have, want := n.raft.Status().Config, conf(n.cfg)
	change := func(kind pb.ConfChangeType, id uint64) {
		n.raft.ApplyConfChange(&pb.ConfChange{Type: kind.Enum(), NodeId: new(id)})
	}
	voters := have.Voters.IDs()
	for _, id := range want.Voters {
		if _, ok := voters[id]; !ok {
			change(pb.ConfChangeAddNode, id)
		}
	}
	for _, id := range want.Learners {
		if _, ok := have.Learners[id]; !ok {
			change(pb.ConfChangeAddLearnerNode, id)
		}
	}
	for id := range voters {
		if !slices.Contains(want.Voters, id) && !slices.Contains(want.Learners, id) {
			change(pb.ConfChangeRemoveNode, id)
		}
	}
	for id := range have.Learners {
		if !slices.Contains(want.Voters, id) && !slices.Contains(want.Learners, id) {
			change(pb.ConfChangeRemoveNode, id)
		}
	}
}

// pump carries out what Raft wants done: to the disk first, then to the others.
func (n *Node) pump() {
	for {
		select {
		case <-n.done:
			return
		case <-n.kick:
		}
		n.mu.Lock()
		for n.raft != nil && !n.stopped && n.raft.HasReady() {
			n.handle(n.raft.Ready())
		}
		n.mu.Unlock()
	}
}

func (n *Node) handle(ready raft.Ready) {
	results, applied, err := n.options.Store.Save(ready.HardState, ready.Entries, ready.CommittedEntries)
	if err == nil && ready.HardState != nil {
		err = n.memory.SetHardState(ready.HardState)
	}
	if err == nil {
		err = n.memory.Append(ready.Entries)
	}
	if err != nil {
		n.options.Fatal(err)
		n.raft = nil
		return
	}
	if len(ready.CommittedEntries) > 0 {
		n.applied = applied
	}
	n.send(ready.Messages)
	for id, result := range results {
		if waiter, ok := n.waiting[id]; ok {
			waiter <- result
			delete(n.waiting, id)
		}
	}
	n.raft.Advance(ready)
	n.follow()
	n.trim()
	n.notify()
}

// follow notices the beginning and the end of this member's leadership. It is writable once everything from before its
// term is carried out, and the configuration carries the term.
func (n *Node) follow() {
	status := n.raft.BasicStatus()
	if status.RaftState != raft.StateLeader {
		if n.writable || len(n.waiting) > 0 {
			n.options.Logf("no longer primary in term %d", status.GetTerm())
			n.resign()
		}
		return
	}
	if n.writable || n.applied.Term != status.GetTerm() {
		return
	}
	next := n.cfg.Clone()
	if next.Term == replset.ForcedTerm {
		next.Version++ // by its term alone it would not be newer.
	}
	next.Term = int64(status.GetTerm())
	n.keep(next)
	n.writable, n.electedAt, n.takeoverAt = true, time.Now(), time.Time{}
	n.options.Logf("primary in term %d", status.GetTerm())
	n.hurry()
}

// trim forgets the older half of a log that has become too long.
func (n *Node) trim() {
	first, _ := n.memory.FirstIndex()
	if n.options.LogEntries == 0 || n.applied.Index < first+n.options.LogEntries {
		return
	}
	at := n.applied.Index - n.options.LogEntries/2
	term, err := n.memory.Term(at)
	if err == nil {
		err = n.options.Store.Trim(store.Position{Index: at, Term: term})
	}
	if err == nil {
		err = n.memory.Compact(at)
	}
	if err != nil {
		n.options.Fatal(err)
	}
}

// envelope carries messages of the consensus, with what the receiver must know to trust them.
type envelope struct {
	Set      string        `bson:"replSetConsensus"`
	SetID    bson.ObjectID `bson:"setID"`
	Version  int32         `bson:"version"`
	Term     int64         `bson:"term"`
	Messages [][]byte      `bson:"messages"`
	DB       string        `bson:"$db"`
}

func (n *Node) send(messages []*pb.Message) {
	batches := map[uint64][][]byte{}
	for _, m := range messages {
		raw, err := proto.Marshal(m)
		if err != nil {
			n.options.Fatal(err)
			return
		}
		batches[m.GetTo()] = append(batches[m.GetTo()], raw)
	}
	for to, batch := range batches {
		i := n.cfg.Find(int32(to) - 1)
		if i < 0 || i == n.self {
			continue
		}
		n.options.Transport.Post(n.cfg.Members[i].Host, bson.D{
			{Key: "replSetConsensus", Value: n.cfg.ID}, {Key: "setID", Value: n.cfg.Settings.ReplicaSetID},
			{Key: "version", Value: n.cfg.Version}, {Key: "term", Value: n.cfg.Term}, {Key: "messages", Value: batch},
		})
	}
}

// Receive takes messages of the consensus. Those of another set, and to another member, are dropped; so are requests
// for a vote from a candidate with an older configuration.
func (n *Node) Receive(body bson.Raw) error {
	var e envelope
	if err := bson.Unmarshal(body, &e); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.raft == nil || n.stopped || n.self < 0 || e.Set != n.cfg.ID || e.SetID != n.cfg.Settings.ReplicaSetID {
		return nil
	}
	older := n.cfg.Newer(&replset.Config{Version: e.Version, Term: e.Term})
	for _, raw := range e.Messages {
		m := &pb.Message{}
		if err := proto.Unmarshal(raw, m); err != nil {
			return err
		}
		asksForVote := m.GetType() == pb.MsgVote || m.GetType() == pb.MsgPreVote
		if m.GetTo() != n.raftID() || older && asksForVote {
			continue
		}
		n.step(m)
	}
	n.poke()
	return nil
}

func (n *Node) step(m *pb.Message) {
	// What Raft refuses it could not place; the sender tries again.
	_ = n.raft.Step(m)
	status := n.raft.BasicStatus()
	fromLeader := m.GetType() == pb.MsgApp || m.GetType() == pb.MsgHeartbeat
	if fromLeader && status.Lead == m.GetFrom() || m.GetType() == pb.MsgVote && status.GetVote() == m.GetFrom() {
		n.lastContact = time.Now()
	}
}

// quiet keeps Raft's chatter out of the log.
type quiet struct{}

func (quiet) Debug(...any)              {}
func (quiet) Debugf(string, ...any)     {}
func (quiet) Error(...any)              {}
func (quiet) Errorf(string, ...any)     {}
func (quiet) Info(...any)               {}
func (quiet) Infof(string, ...any)      {}
func (quiet) Warning(...any)            {}
func (quiet) Warningf(string, ...any)   {}
func (quiet) Fatal(v ...any)            { panic(v) }
func (quiet) Fatalf(f string, v ...any) { panic(append([]any{f}, v...)) }
func (quiet) Panic(v ...any)            { panic(v) }
func (quiet) Panicf(f string, v ...any) { panic(append([]any{f}, v...)) }
