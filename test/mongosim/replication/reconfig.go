// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replication

import (
	"context"
	"math/rand/v2"

	"go.etcd.io/raft/v3/tracker"

	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/replset"
)

// Reconfig replaces the configuration. The context's end is the client's limit.
func (n *Node) Reconfig(ctx context.Context, c *replset.Config, force bool) error {
	n.mu.Lock()
	uninitialized, writable := n.cfg == nil, n.writable
	n.mu.Unlock()
	if uninitialized {
		return code.Errorf(code.NotYetInitialized, "Node not yet initialized; use the replSetInitiate command")
	}
	if !force {
		if !writable {
			return code.Errorf(code.NotWritablePrimary, "New config is rejected: replSetReconfig should only be run on a writable PRIMARY")
		}
		if err := n.awaitCommitment(ctx); err != nil {
			return err
		}
	}
	if err := n.change(ctx, c, force); err != nil || force {
		return err
	}
	if err := n.awaitCommitment(ctx); err != nil {
		if code.Of(err).Code == code.ConfigNotCommittedYet {
			return code.Errorf(code.MaxTimeMSExpired, "Reconfig finished but failed to propagate to a majority")
		}
		return err
	}
	return nil
}

// awaitCommitment waits until the installed configuration is safe to be replaced.
func (n *Node) awaitCommitment(ctx context.Context) error {
	lost := false
	err := n.await(ctx, func() bool {
		lost = !n.writable
		return lost || n.committed()
	})
	switch {
	case lost:
		return code.Errorf(code.NotWritablePrimary, "not primary while waiting for the commitment of the configuration")
	case err != nil:
		return code.Errorf(code.ConfigNotCommittedYet, "Cannot run replSetReconfig because the current config: version %d is not majority committed", n.Look().Config.Version)
	}
	return nil
}

// committed reports whether a majority of the voters has installed the configuration, and holds what had been committed
// before it.
func (n *Node) committed() bool {
	progress := n.raft.Status().Progress
	have := 0
	for i, m := range n.cfg.Members {
		if !m.Voter() {
			continue
		}
		if i == n.self || n.holds(m, progress[uint64(m.ID)+1]) {
			have++
		}
	}
	return have >= n.cfg.Majority()
}

func (n *Node) holds(m replset.Member, progress tracker.Progress) bool {
	p := n.peers[m.Host]
	return p != nil && p.up && p.answer.Version == n.cfg.Version && p.answer.Term == n.cfg.Term &&
		progress.Match >= n.committedAt
}

// change checks the configuration against the installed one and the members, and installs it. Only one runs at a time.
func (n *Node) change(ctx context.Context, c *replset.Config, force bool) error {
	n.mu.Lock()
	if n.changing {
		n.mu.Unlock()
		return code.Errorf(code.ConfigInProgress, "Cannot run replSetReconfig because the node is currently updating its configuration")
	}
	n.changing = true
	old := n.cfg
	n.mu.Unlock()
	defer n.unlock()

	if c == nil {
		return code.Errorf(code.InvalidReplicaSetConfig, "the configuration cannot be read")
	}
	self, err := n.prepare(ctx, old, c, force)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped || !force && !n.writable {
		return errNotPrimary
	}
	if n.cfg.Version != old.Version || n.cfg.Term != old.Term {
		return code.Errorf(code.ConfigInProgress, "another configuration was installed meanwhile")
	}
	n.install(c, self)
	return nil
}

// prepare gives the configuration what the server adds to it, and checks it.
func (n *Node) prepare(ctx context.Context, old, c *replset.Config, force bool) (self int, err error) {
	if err := replset.CheckSupplied(c, n.options.SetName); err != nil {
		return -1, err
	}
	if c.Settings.ReplicaSetID.IsZero() {
		c.Settings.ReplicaSetID = old.Settings.ReplicaSetID
	}
	if force {
		c.Term, c.Version = replset.ForcedTerm, max(old.Version, c.Version)+10000+rand.Int32N(100000)
	} else {
		c.Term = old.Term
		replset.MarkNewlyAdded(old, c)
	}
	if err := replset.ValidateChange(old, c, force); err != nil {
		return -1, err
	}
	if self = n.findSelf(ctx, c); self < 0 {
		return -1, code.Errorf(code.NodeNotFound, "No host described in new configuration with version %d for replica set %s maps to this node", c.Version, c.ID)
	}
	if force {
		return self, nil
	}
	if !c.Members[self].Electable() {
		return -1, code.Errorf(code.NodeNotElectable, "This node, %s, with _id %d is not electable under the new configuration", c.Members[self].Host, c.Members[self].ID)
	}
	return self, replset.JudgeChange(c, self, n.ask(ctx, c, self))
}

// admit gives a member that was newly added its vote once it has caught up: the server changes the configuration by
// itself, one member at a time.
func (n *Node) admit() {
	if n.changing || !n.committed() {
		return
	}
	for i, m := range n.cfg.Members {
		p := n.peers[m.Host]
		if !m.NewlyAdded || p == nil || !p.up || p.answer.State != Secondary && p.answer.State != Arbiter {
			continue
		}
		next := n.cfg.Clone()
		next.Members[i].NewlyAdded = false
		next.Version++
		n.options.Logf("member %s has caught up and votes now", m.Host)
		n.install(next, n.self)
		return
	}
}

// ConfigCommitted reports whether a majority holds the configuration; only a primary knows.
func (n *Node) ConfigCommitted() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.writable && n.committed()
}
