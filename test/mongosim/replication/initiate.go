// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replication

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/replset"
	"github.com/quorate/quorate/test/mongosim/store"
)

// Initiate makes a set with this member as its beginning.
func (n *Node) Initiate(ctx context.Context, c *replset.Config) error {
	n.mu.Lock()
	switch {
	case n.cfg != nil:
		n.mu.Unlock()
		return code.Errorf(code.AlreadyInitialized, "already initialized")
	case n.changing:
		n.mu.Unlock()
		return code.Errorf(code.AlreadyInitialized, "already initialized; another replSetInitiate is running")
	}
	n.changing = true
	n.mu.Unlock()
	defer n.unlock()

	c.Term = 0
	self := n.findSelf(ctx, c)
	if err := replset.ValidateInitiate(c, n.options.SetName, self); err != nil {
		return err
	}
	if err := replset.JudgeInitiate(c, n.ask(ctx, c, self)); err != nil {
		return err
	}
	return n.found(c, self)
}

func (n *Node) unlock() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.changing = false
	n.notify()
}

// found writes the beginning of the set's history, then the configuration: a crash in between leaves a server that can
// be initiated.
func (n *Node) found(c *replset.Config, self int) error {
	c.Settings.ReplicaSetID = bson.NewObjectID()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cfg != nil || n.stopped {
		return code.Errorf(code.AlreadyInitialized, "already initialized")
	}
	fcv, err := n.options.Store.FCV()
	if err == nil && fcv == "" {
		var op *store.Op
		if op, err = store.SetFCV(n.options.LatestFCV); err == nil {
			_, err = n.options.Store.Apply(op)
		}
	}
	if err == nil {
		err = n.options.Store.Found(uint32(time.Now().Unix()))
	}
	if err != nil {
		return err
	}
	n.install(c, self)
	return nil
}

// ask asks all others in a configuration whether they take it.
func (n *Node) ask(ctx context.Context, c *replset.Config, self int) []replset.Answer {
	n.mu.Lock()
	command := n.heartbeat(false)
	n.mu.Unlock()
	if len(command) == 1 {
		command = append(command, bson.E{Key: "setID", Value: c.Settings.ReplicaSetID})
	}
	timeout := time.Duration(c.Settings.HeartbeatTimeoutSecs) * time.Second
	answers := make([]replset.Answer, len(c.Members))
	var all sync.WaitGroup
	for i, m := range c.Members {
		if i == self {
			continue
		}
		all.Go(func() {
			var answer beatAnswer
			err := n.call(ctx, timeout, m.Host, command, &answer)
			answers[i] = replset.Answer{
				Host: m.Host, Err: err, SetName: answer.Set, Data: answer.HasData, Version: answer.Version,
				OtherSet: !answer.SetID.IsZero() && answer.SetID != c.Settings.ReplicaSetID,
			}
		})
	}
	all.Wait()
	return append(answers[:self:self], answers[self+1:]...)
}
