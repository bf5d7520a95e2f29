// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replication

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/store"
)

// Errors of writes that are not carried out here, or not yet.
var (
	errNotPrimary  = code.Errorf(code.NotWritablePrimary, "not primary")
	errInterrupted = code.Errorf(code.Interrupted, "operation was interrupted because this member is no longer primary")
)

// Propose has the set carry out an operation, and returns what came of it once it is committed. When the context ends
// before that, nothing is known: it may still be carried out.
func (n *Node) Propose(ctx context.Context, op *store.Op) (store.Result, error) {
	if err := n.await(ctx, func() bool { return !n.transferring }); err != nil {
		return store.Result{}, err
	}
	n.mu.Lock()
	if !n.writable || n.stopped {
		n.mu.Unlock()
		return store.Result{}, errNotPrimary
	}
	waiter, err := n.propose(op)
	n.mu.Unlock()
	if err != nil {
		return store.Result{}, err
	}
	select {
	case result, ok := <-waiter:
		if !ok {
			return store.Result{}, errInterrupted
		}
		if result.Err != nil {
			return result, result.Err
		}
		return result, nil
	case <-ctx.Done():
		n.mu.Lock()
		delete(n.waiting, op.ID)
		n.mu.Unlock()
		return store.Result{}, ctx.Err()
	}
}

// propose gives an operation to Raft; the result comes through the channel, which is closed if the member loses its
// leadership.
func (n *Node) propose(op *store.Op) (<-chan store.Result, error) {
	op.ID, op.Seconds = bson.NewObjectID(), max(n.applied.Seconds, uint32(time.Now().Unix()))
	raw, err := bson.Marshal(op)
	if err != nil {
		return nil, code.Errorf(code.BadValue, "writing an operation: %v", err)
	}
	if err := n.raft.Propose(raw); err != nil {
		return nil, errInterrupted
	}
	waiter := make(chan store.Result, 1)
	n.waiting[op.ID] = waiter
	n.poke()
	return waiter, nil
}

// AwaitCopies waits until as many members hold the log up to an index.
func (n *Node) AwaitCopies(ctx context.Context, index uint64, members int) error {
	lost := false
	err := n.await(ctx, func() bool {
		if lost = !n.writable; lost {
			return true
		}
		held := 0
		for _, progress := range n.raft.Status().Progress {
			if progress.Match >= index {
				held++
			}
		}
		return held >= members
	})
	if lost {
		return code.Errorf(code.PrimarySteppedDown, "primary stepped down while waiting for replication")
	}
	return err
}

// Cut says how an answer ends that was waited for too long: the context's error is the client's limit.
func Cut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// AwaitChange returns when what clients are told is newer than the counter, or when the context ends.
func (n *Node) AwaitChange(ctx context.Context, counter int64) {
	_ = n.await(ctx, func() bool { return n.topology.counter > counter })
}

// Quiesce has clients told that the server is stopping.
func (n *Node) Quiesce() {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.topology.shape
	s.quiesced = true
	n.topology.note(s)
	n.notify()
}
