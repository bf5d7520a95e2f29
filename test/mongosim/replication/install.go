// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replication

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/replset"
)

// isSelfTimeout is how long a host is asked whether it is this process.
const isSelfTimeout = time.Second

// Instance tells this process from all others.
func (n *Node) Instance() bson.ObjectID { return n.instance }

// findSelf returns the index of this process in a configuration, or -1: by addresses, and where these do not tell by
// asking each host who it is.
func (n *Node) findSelf(ctx context.Context, c *replset.Config) int {
	for i, m := range c.Members {
		n.mu.Lock()
		known := n.selfAt[m.Host]
		n.mu.Unlock()
		if known || n.options.Self(m.Host) {
			return i
		}
	}
	for i, m := range c.Members {
		var answer struct {
			ID bson.ObjectID `bson:"id"`
		}
		err := n.call(ctx, isSelfTimeout, m.Host, bson.D{{Key: "_isSelf", Value: 1}}, &answer)
		if err == nil && answer.ID == n.instance {
			n.mu.Lock()
			n.selfAt[m.Host] = true
			n.mu.Unlock()
			return i
		}
	}
	return -1
}

// keep makes a configuration the member's own, on disk first.
func (n *Node) keep(c *replset.Config) {
	raw, err := bson.Marshal(c)
	if err == nil {
		err = n.options.Store.SaveConfig(raw)
	}
	if err != nil {
		n.options.Fatal(err)
		return
	}
	n.cfg, n.installed = c, time.Now()
}

// install replaces the configuration by a newer one, and does what follows from it.
func (n *Node) install(c *replset.Config, self int) {
	before := uint64(0)
	if n.raft != nil && n.self >= 0 {
		before = n.raftID()
	}
	n.keep(c)
	n.self, n.looked = self, true
	n.options.Logf("configuration version %d, term %d, %d members", c.Version, c.Term, len(c.Members))
	switch {
	case self < 0 || n.raft != nil && n.raftID() != before || c.Term == replset.ForcedTerm:
		// Removed, known by another identity, or forced: the consensus starts anew from what is on disk.
		n.raft = nil
		n.resign()
		n.begin()
	case n.raft != nil:
		n.committedAt = n.raft.BasicStatus().GetCommit()
		n.conform()
	default:
		n.begin()
	}
	n.attend()
	n.hurry()
	n.notify()
	n.poke()
}

// searches repeats the search for as long as the member lives.
func (n *Node) searches() {
	ticker := time.NewTicker(isSelfTimeout)
	defer ticker.Stop()
	for {
		select {
		case <-n.done:
			return
		case <-ticker.C:
			n.search()
		}
	}
}

// search looks for this process again in a configuration in which it was not found: its name may not have been known
// yet.
func (n *Node) search() {
	n.mu.Lock()
	c := n.cfg
	lost := c != nil && n.self < 0 && !n.stopped
	n.mu.Unlock()
	if !lost {
		return
	}
	self := n.findSelf(n.alive, c)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cfg != c || n.self >= 0 || n.stopped {
		return
	}
	first := !n.looked
	n.looked = true
	if self >= 0 {
		n.self = self
		n.begin()
	}
	if self >= 0 || first {
		n.attend()
		n.notify()
	}
}
