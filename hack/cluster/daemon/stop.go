// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// killGrace is how long a process may take to vanish after it was killed.
const killGrace = 10 * time.Second

// Stop ends a process: with a request if there is any grace, and by force when the grace is over. It returns when the
// process is gone, and at once if it was.
func (i Identity) Stop(ctx context.Context, grace time.Duration) error {
	fd, err := i.open()
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if grace > 0 {
		if err := i.signal(fd, unix.SIGTERM); err != nil {
			return err
		}
		if ended, err := awaitEnd(ctx, fd, grace); err != nil || ended {
			return err
		}
	}
	if err := i.signal(fd, unix.SIGKILL); err != nil {
		return err
	}
	ended, err := awaitEnd(ctx, fd, killGrace)
	if err == nil && !ended {
		err = fmt.Errorf("process %d is still there %s after it was killed", i.PID, killGrace)
	}
	return err
}

// open returns a handle on the process, which can never come to mean another one.
func (i Identity) open() (int, error) {
	fd, err := unix.PidfdOpen(i.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return 0, ErrGone
	}
	if err != nil {
		return 0, fmt.Errorf("opening process %d: %w", i.PID, err)
	}
	// Only now is it certain whose number this is: the handle holds on to whatever process had it.
	if !i.Alive() {
		_ = unix.Close(fd)
		return 0, ErrGone
	}
	return fd, nil
}

func (i Identity) signal(fd int, signal unix.Signal) error {
	err := unix.PidfdSendSignal(fd, signal, nil, 0)
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("sending %s to process %d: %w", unix.SignalName(signal), i.PID, err)
	}
	return nil
}

// awaitEnd waits until the process has ended, at most for the given time.
func awaitEnd(ctx context.Context, fd int, most time.Duration) (bool, error) {
	deadline := time.Now().Add(most)
	for {
		if err := ctx.Err(); err != nil {
			return false, fmt.Errorf("waiting for a process to end: %w", err)
		}
		left := time.Until(deadline)
		if left <= 0 {
			return false, nil
		}
		// In slices, so that a cancelled context is seen.
		slice := min(left, 200*time.Millisecond)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(slice.Milliseconds())+1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false, fmt.Errorf("waiting for a process to end: %w", err)
		}
		if n > 0 {
			return true, nil
		}
	}
}
