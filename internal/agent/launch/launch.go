// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package launch turns the process that the kubelet started into the server,
// once the agent lets it.
package launch

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"

	"github.com/quorate/quorate/internal/agent/hold"
)

// Server waits until the hold in a directory is lifted and then executes the
// command, found by PATH, in the place of this process: there is no shell and
// no parent, and signals reach the server itself. It returns only when ctx
// ends or the server cannot be executed.
//
// The gate holds the container back when a pod starts. The hold is for what
// comes later: the kubelet restarts a server's container by itself, also that
// of a member which has left.
func Server(ctx context.Context, runDir string, command, env []string) error {
	if len(command) == 0 {
		return errors.New("start the server: no command is given")
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	if err := await(ctx, hold.Dir(runDir)); err != nil {
		return err
	}
	if err := syscall.Exec(path, command, env); err != nil {
		return fmt.Errorf("execute the server %s: %w", path, err)
	}
	return nil
}

// await ends with ctx even where the wait for the lock does not.
func await(ctx context.Context, d hold.Dir) error {
	free := make(chan error, 1)
	go func() { free <- d.Await(ctx) }()
	select {
	case err := <-free:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait until the server may start: %w", context.Cause(ctx))
	}
}
