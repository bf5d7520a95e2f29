// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package peer carries commands from one member to another, over the port that clients use. Members prove to each other
// that they have the key of the set. A member whose key is another looks like one that cannot be reached.
//
// Messages of the consensus go one way, in order and without an answer; when a member cannot be reached, or is slower
// than they come, they are dropped, which the consensus expects.
package peer

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/auth"
)

// Transport reaches the members.
type Transport struct {
	// Keys are those of the set; without any, members do not prove anything.
	Keys *auth.Keyring
	// Delay holds back everything that is sent, for a fault.
	Delay func() time.Duration
	// Blocked cuts the way to a host, for a fault.
	Blocked func(host string) bool

	mu     sync.Mutex
	lines  map[string]*line
	idle   map[string][]*connection
	closed bool
	done   chan struct{}
	work   sync.WaitGroup
}

// New makes a transport.
func New(keys *auth.Keyring, delay func() time.Duration, blocked func(host string) bool) *Transport {
	return &Transport{
		Keys: keys, Delay: delay, Blocked: blocked,
		lines: map[string]*line{}, idle: map[string][]*connection{}, done: make(chan struct{}),
	}
}

var (
	errBlocked = errors.New("the way is cut")
	errClosed  = errors.New("the transport is closed")
)

// Call runs a command on a member. A connection that has broken since it was last used is replaced once.
func (t *Transport) Call(ctx context.Context, host string, command bson.D, answer any) error {
	if t.Blocked(host) {
		return errBlocked
	}
	if delay := t.Delay(); delay > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(delay):
		}
	}
	for {
		c, used, err := t.take(ctx, host)
		if err != nil {
			return err
		}
		raw, err := c.call(ctx, command)
		if err == nil {
			t.give(host, c)
			return bson.Unmarshal(raw, answer)
		}
		var answered *answeredError
		if errors.As(err, &answered) {
			t.give(host, c)
			return err
		}
		c.close()
		if !used || ctx.Err() != nil {
			return err
		}
	}
}

func (t *Transport) take(ctx context.Context, host string) (c *connection, used bool, err error) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, false, errClosed
	}
	if idle := t.idle[host]; len(idle) > 0 {
		c, t.idle[host] = idle[len(idle)-1], idle[:len(idle)-1]
		t.mu.Unlock()
		return c, true, nil
	}
	t.mu.Unlock()
	c, err = dial(ctx, host, t.Keys)
	return c, false, err
}

func (t *Transport) give(host string, c *connection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.idle[host]) >= 4 {
		c.close()
		return
	}
	t.idle[host] = append(t.idle[host], c)
}

// Post sends a command that nobody answers.
func (t *Transport) Post(host string, command bson.D) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	l := t.lines[host]
	if l == nil {
		l = &line{transport: t, host: host, queue: make(chan letter, queueLength)}
		t.lines[host] = l
		t.work.Go(l.run)
	}
	select {
	case l.queue <- letter{command, time.Now()}:
	default:
	}
}

// Close cuts all connections.
func (t *Transport) Close() {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	t.closed = true
	close(t.done)
	for _, idle := range t.idle {
		for _, c := range idle {
			c.close()
		}
	}
	t.mu.Unlock()
	t.work.Wait()
}
