// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package hold

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/quorate/quorate/internal/agent/watch"
)

// Await returns once this process has the lock and the hold is not set. The
// lock is never given back: it is kept through exec, and ends with the process
// and all that it starts. It must run in the process that becomes the server,
// and needs no right to write in the directory.
func (d Dir) Await(ctx context.Context) error {
	fd, err := unix.Open(d.lockPath(), unix.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("open the server's lock: %w", err)
	}
	err = watch.Until(ctx, string(d), func() (bool, error) { return d.enter(fd) })
	if err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("wait until the server may start: %w", err)
	}
	return nil
}

// enter takes the lock and looks for the hold only then, since the agent sets
// the hold before it asks for the lock. Where it is held the lock is given
// back until the next change.
func (d Dir) enter(fd int) (bool, error) {
	if err := lock(fd); err != nil {
		return false, err
	}
	held, err := d.Held()
	if err == nil && !held {
		return true, nil
	}
	if unlockErr := unix.Flock(fd, unix.LOCK_UN); unlockErr != nil && err == nil {
		err = fmt.Errorf("give the server's lock back: %w", unlockErr)
	}
	return false, err
}

// lock waits for the lock; a signal to this process does not end the wait.
func lock(fd int) error {
	for {
		err := unix.Flock(fd, unix.LOCK_EX)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("get the server's lock: %w", err)
		}
		return nil
	}
}
