// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package attend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"
)

// Desk is the agent's end: it listens for the attendant and asks it.
type Desk struct {
	listener net.Listener

	// mu has one request made at a time.
	mu   sync.Mutex
	conn net.Conn
}

// Listen begins to listen, in the place of an agent before.
func Listen(socket string) (*Desk, error) {
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing the socket of an agent before: %w", err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("listening for the attendant: %w", err)
	}
	d := &Desk{listener: listener}
	go d.accept()
	return d, nil
}

// accept keeps the last who dialed: an attendant that was started again.
func (d *Desk) accept() {
	for {
		conn, err := d.listener.Accept()
		if err != nil {
			return // closed
		}
		d.mu.Lock()
		d.drop()
		d.conn = conn
		d.mu.Unlock()
	}
}

// Close ends it.
func (d *Desk) Close() error {
	err := d.listener.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop()
	if err != nil {
		return fmt.Errorf("closing the socket for the attendant: %w", err)
	}
	return nil
}

func (d *Desk) drop() {
	if d.conn != nil {
		_ = d.conn.Close() // there is nothing to lose
		d.conn = nil
	}
}

// Ask has the tool carried out with these arguments and returns its output, or
// ErrRunning. Who asks again for the same purpose is told of the same run.
func (d *Desk) Ask(ctx context.Context, purpose string, arguments ...string) (string, error) {
	r, err := d.exchange(ctx, request{Purpose: purpose, Arguments: arguments})
	switch {
	case err != nil:
		return "", err
	case r.Running:
		return "", fmt.Errorf("%v: %w", arguments, ErrRunning)
	case r.Failed != "":
		return r.Output, fmt.Errorf("%v failed: %s: %s", arguments, r.Failed, r.Output)
	}
	return r.Output, nil
}

// Runs tells whether the tool is being carried out with this first argument, whoever
// asked for it.
func (d *Desk) Runs(ctx context.Context, word string) (bool, error) {
	r, err := d.exchange(ctx, request{Arguments: []string{word}, Look: true})
	return r.Running, err
}

func (d *Desk) exchange(ctx context.Context, q request) (r reply, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		return r, fmt.Errorf("%v: %w", q.Arguments, ErrNobody)
	}
	deadline := time.Now().Add(2 * patience)
	if at, ok := ctx.Deadline(); ok && at.Before(deadline) {
		deadline = at
	}
	err = d.conn.SetDeadline(deadline)
	if err == nil {
		err = json.NewEncoder(d.conn).Encode(q)
	}
	if err == nil {
		err = json.NewDecoder(d.conn).Decode(&r)
	}
	switch {
	case err != nil:
		d.drop()
		return reply{}, fmt.Errorf("asking the attendant for %v: %w", q.Arguments, err)
	case r.Refused != "":
		return reply{}, fmt.Errorf("the attendant refuses: %s", r.Refused)
	}
	return r, nil
}
