// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replication

import (
	"context"
	"time"

	"go.etcd.io/raft/v3"

	"github.com/quorate/quorate/test/mongosim/code"
)

// StepDown has the primary hand over to a member that is caught up, which may take as long as catchUp, and not stand
// again for the period. By force it steps down at the end of that time whether or not there is anyone.
func (n *Node) StepDown(ctx context.Context, period, catchUp time.Duration, force bool) error {
	deadline := time.Now().Add(catchUp)
	waiting, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for {
		n.mu.Lock()
		if !n.writable {
			n.mu.Unlock()
			return errNotPrimary
		}
		target := n.successor(func(int) bool { return true })
		last := n.optime()
		switch {
		case target != 0:
			n.transfer(target, period)
		case force && waiting.Err() != nil:
			n.frozenUntil = time.Now().Add(period)
			n.abdicate()
			n.follow()
			n.notify()
			n.mu.Unlock()
			return nil
		}
		n.mu.Unlock()
		if target != 0 && n.handedOver(ctx) {
			return nil
		}
		if waiting.Err() != nil && !force {
			return code.Errorf(code.ExceededTimeLimit, "No electable secondaries caught up as of %s. Please use the replSetStepDown command with the argument {force: true} to force node to step down.", last.date().Format(time.RFC3339))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		pause(waiting, n.tickInterval())
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// transfer begins to hand over. Writes wait until that has succeeded or failed.
func (n *Node) transfer(target uint64, period time.Duration) {
	n.transferring = true
	n.frozenUntil = time.Now().Add(period)
	n.options.Logf("stepping down, handing over to member %d", target-1)
	n.raft.TransferLeader(target)
	n.poke()
}

// handedOver waits for the end of a transfer, which Raft gives up after an election timeout.
func (n *Node) handedOver(ctx context.Context) bool {
	over := false
	err := n.await(ctx, func() bool {
		if n.raft == nil {
			over = true
			return true
		}
		status := n.raft.BasicStatus()
		over = status.RaftState != raft.StateLeader
		return over || status.LeadTransferee == raft.None
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	if !over || err != nil {
		n.frozenUntil = time.Time{}
	}
	n.transferring = false
	n.notify()
	return over
}

// Freeze keeps a member from standing for a time; none lets it again.
func (n *Node) Freeze(period time.Duration) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.writable {
		return code.Errorf(code.NotSecondary, "cannot freeze node when primary or running for election. state: Primary")
	}
	n.frozenUntil = time.Now().Add(period)
	return nil
}

// HandOver is StepDown for a primary that stops: at most as long as the limit, and not at all if there is nobody.
func (n *Node) HandOver(ctx context.Context, limit time.Duration) {
	n.mu.Lock()
	anyone := false
	for _, p := range n.peers {
		anyone = anyone || p.up && p.answer.State == Secondary && p.answer.Electable
	}
	leads := n.writable
	n.mu.Unlock()
	if !leads {
		return
	}
	if !anyone {
		limit = 0
	}
	if err := n.StepDown(ctx, limit+time.Minute, limit, true); err != nil {
		n.options.Logf("stepping down before the stop: %v", err)
	}
}
