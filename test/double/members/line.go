// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	agentclient "github.com/quorate/quorate/internal/agent/client"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/fleet"
)

// Line is how one manager reaches the members. A manager that is killed has
// its line cut.
type Line struct {
	world *World
	cut   atomic.Bool
	// Asked is told of each action that is asked for, before it is; with an
	// error it is not sent. The function that it returns is told when it was
	// sent, and its error is what the manager gets. Nil lets all pass.
	Asked func(req protocol.ActionRequest) (after func() error, err error)
}

// Line returns a new one.
func (w *World) Line() *Line { return &Line{world: w} }

// Cut has nothing more pass.
func (l *Line) Cut() { l.cut.Store(true) }

// Connect is a fleet.Connect.
func (l *Line) Connect(id fleet.Identity) (fleet.Client, error) {
	if _, err := tls.X509KeyPair([]byte(id.Cert), []byte(id.Key)); err != nil {
		return nil, fmt.Errorf("read the manager's pair: %w", err)
	}
	return &client{line: l, identity: id}, nil
}

// client is a manager's connection to the members of one Datastore.
type client struct {
	line     *Line
	identity fleet.Identity
}

var errCut = errors.New("the line is cut")

// Report implements fleet.Client.
func (c *client) Report(ctx context.Context, addr, since string, wait time.Duration) (protocol.ReportReply, error) {
	if c.line.cut.Load() {
		return protocol.ReportReply{}, errCut
	}
	host, err := c.dial(addr)
	if err != nil {
		return protocol.ReportReply{}, err
	}
	over, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	report, revision, err := c.line.world.await(ctx, host, since, over.Done())
	if err != nil {
		return protocol.ReportReply{}, err
	}
	return protocol.ReportReply{Revision: revision, Report: report}, nil
}

// Act implements fleet.Client.
func (c *client) Act(_ context.Context, addr string, req protocol.ActionRequest) error {
	if c.line.cut.Load() {
		return errCut
	}
	host, err := c.dial(addr)
	if err != nil {
		return err
	}
	after := func() error { return nil }
	if c.line.Asked != nil {
		if after, err = c.line.Asked(req); err != nil {
			return err
		}
	}
	if refusal := c.send(host, req); refusal != nil {
		return &agentclient.RefusedError{Reason: refusal.Reason, Message: refusal.Message}
	}
	return after()
}

func (c *client) send(host string, req protocol.ActionRequest) *protocol.Refusal {
	w := c.line.world
	w.mu.Lock()
	m := w.byAddr[host]
	if m == nil {
		w.mu.Unlock()
		return refuse(protocol.RefusedOther, "the agent is gone")
	}
	refusal := m.act(req)
	m.set.settle()
	w.unlockAndTell(m.set)
	return refusal
}

// dial refuses a manager whom the member, with what it has mounted, would not
// trust, or who would not trust it.
func (c *client) dial(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port != fmt.Sprint(protocol.Port) {
		return "", fmt.Errorf("dial %s: no agent serves there", addr)
	}
	c.line.world.mu.Lock()
	defer c.line.world.mu.Unlock()
	m, err := c.line.world.at(host)
	if err != nil {
		return "", err
	}
	if err := greet(c.identity, m.pod.Mounted); err != nil {
		return "", fmt.Errorf("dial %s: %w", addr, err)
	}
	return host, nil
}
