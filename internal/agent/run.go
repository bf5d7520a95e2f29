// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/agent/server"
	"github.com/quorate/quorate/internal/agent/settings"
)

// grace is for what is under way when the agent is told to end. The kubelet
// ends it only after the server has ended.
const grace = 1800 * time.Millisecond

// Listeners are what an agent serves on.
type Listeners struct {
	Manager, Probes, Socket net.Listener
}

// Listen opens the ports of the protocol and the unix socket.
func Listen(ctx context.Context, s settings.Settings) (Listeners, error) {
	var l Listeners
	var err error
	var config net.ListenConfig
	if l.Manager, err = config.Listen(ctx, "tcp", port(protocol.Port)); err != nil {
		return l, fmt.Errorf("listen for the manager: %w", err)
	}
	if l.Probes, err = config.Listen(ctx, "tcp", port(protocol.ProbePort)); err != nil {
		return l, fmt.Errorf("listen for probes: %w", err)
	}
	if l.Socket, err = server.Socket(filepath.Join(s.RunDir, settings.SocketName)); err != nil {
		return l, err
	}
	return l, nil
}

func port(n int) string { return ":" + strconv.Itoa(n) }

// Run serves until ctx ends, or one part of the agent fails.
func (a *Agent) Run(parent context.Context, l Listeners) error {
	group, ctx := errgroup.WithContext(parent)
	group.Go(func() error { return a.observer.Run(ctx) })
	group.Go(func() error {
		a.runner.Run(ctx)
		return nil
	})
	group.Go(func() error {
		return server.Serve(ctx, l.Manager, server.NewIdentity(a.settings.SecretDir), a.board, a.look, a.desk.Accept, a.log)
	})
	group.Go(func() error { return server.Probes(ctx, l.Probes, a.board.Changed, a.started, a.ready, a.log) })
	group.Go(func() error { return server.Drains(ctx, l.Socket, a.drain, a.log) })

	ended := make(chan error, 1)
	go func() { ended <- group.Wait() }()
	<-ctx.Done()
	select {
	case err := <-ended:
		if parent.Err() != nil {
			<-a.farewells()
		}
		return err
	case <-time.After(grace):
		a.log.Warn("ended with something still under way")
	}
	if parent.Err() == nil {
		return fmt.Errorf("a part of the agent has failed: %w", context.Cause(ctx))
	}
	return nil
}
