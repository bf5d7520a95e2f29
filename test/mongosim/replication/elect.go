// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replication

import (
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/quorate/quorate/test/mongosim/store"
)

// noopInterval is how often a primary without writes writes nothing, so that the members' times show how far they lag.
const noopInterval = 10 * time.Second

// ticks is the clock of the member: an election timeout has electionTicks of them.
func (n *Node) ticks() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-n.done:
			return
		case <-timer.C:
		}
		n.mu.Lock()
		n.tick(time.Now())
		timer.Reset(n.tickInterval())
		n.mu.Unlock()
		n.poke()
	}
}

func (n *Node) tickInterval() time.Duration {
	if n.cfg == nil {
		return 100 * time.Millisecond
	}
	return max(n.cfg.ElectionTimeout()/electionTicks, 5*time.Millisecond)
}

func (n *Node) tick(now time.Time) {
	if n.raft == nil {
		return
	}
	if n.raft.BasicStatus().RaftState == raft.StateLeader {
		n.raft.Tick()
		n.lastContact = now
		if n.writable {
			n.reign(now)
		}
		return
	}
	// Only the lease in which a member votes for nobody else runs by Raft's clock. When to stand is decided here, and
	// Raft's own tick would stand.
	n.raft.TickQuiesced() //nolint:staticcheck // there is no other way to let time pass without standing.
	if now.Sub(n.lastContact) < n.cfg.ElectionTimeout()+n.patience || !n.mayStand(now) {
		return
	}
	n.options.Logf("standing for election")
	_ = n.raft.Campaign() // refused only where the member cannot vote.
	// Another try comes sooner than a full timeout.
	n.lastContact, n.patience = now.Add(-n.cfg.ElectionTimeout()/2), n.draw()
}

// mayStand reports whether the member may become primary now.
func (n *Node) mayStand(now time.Time) bool {
	return n.self >= 0 && n.cfg.Members[n.self].Electable() && !n.stale && now.After(n.frozenUntil) &&
		n.applied.Index >= n.catchUpTo
}

// reign is what a primary does by itself.
func (n *Node) reign(now time.Time) {
	if now.Sub(n.lastNoop) > noopInterval && n.raft.BasicStatus().GetCommit() == n.applied.Index {
		n.lastNoop = now
		n.propose(&store.Op{Kind: store.Nothing})
	}
	n.admit()
	n.yield(now)
}

// yield hands over to a member of higher priority once it has been caught up for an election timeout.
func (n *Node) yield(now time.Time) {
	own := n.cfg.Members[n.self].Priority
	better := func(i int) bool { return n.cfg.Members[i].Priority > own }
	target := n.successor(better)
	switch {
	case target == 0:
		n.takeoverAt = time.Time{}
	case n.takeoverAt.IsZero():
		n.takeoverAt = now.Add(n.cfg.ElectionTimeout())
	case now.After(n.takeoverAt) && !n.transferring:
		n.takeoverAt = time.Time{}
		n.options.Logf("a member of higher priority has caught up")
		n.transfer(target, 0)
		n.work.Go(func() { n.handedOver(n.alive) })
	}
}

// lagAllowed is how many operations a successor may be behind: those on their way.
const lagAllowed = 64

// successor is the Raft identity of the best member to hand over to, or 0: electable, alive, and all but caught up.
func (n *Node) successor(fits func(i int) bool) uint64 {
	status := n.raft.Status()
	last, _ := n.memory.LastIndex()
	best, bestMatch, bestPriority := uint64(0), uint64(0), -1.0
	for i, m := range n.cfg.Members {
		p := n.peers[m.Host]
		if i == n.self || !m.Electable() || p == nil || !p.up || p.answer.State != Secondary || !fits(i) {
			continue
		}
		id := uint64(m.ID) + 1
		match := status.Progress[id].Match
		if match+lagAllowed < last {
			continue
		}
		if m.Priority > bestPriority || m.Priority == bestPriority && match > bestMatch {
			best, bestMatch, bestPriority = id, match, m.Priority
		}
	}
	return best
}

// abdicate makes a leader a follower at once, in a new term. Raft knows no such request; a message of a later term
// does it.
func (n *Node) abdicate() {
	term := n.raft.BasicStatus().GetTerm() + 1
	n.step(&pb.Message{Type: pb.MsgHeartbeatResp.Enum(), From: new(n.raftID()), To: new(n.raftID()), Term: new(term)})
	n.lastContact, n.patience = time.Now(), n.draw()
	n.poke()
}
