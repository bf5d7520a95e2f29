// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockFolder keeps everybody else from changing what the folder stands for, until release is called or the process
// ends. The folder is made if need be, and may be removed by whoever holds the lock. While somebody else holds it,
// waiting is called once.
func lockFolder(ctx context.Context, folder string, waiting func()) (release func(), err error) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		file, err := tryLock(folder)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking %s: %w", folder, err)
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the lock on %s: %w", folder, ctx.Err())
		case <-ticker.C:
		}
	}
}

// tryLock returns EWOULDBLOCK if the folder is locked, or was removed between opening and locking it.
func tryLock(folder string) (*os.File, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder: %w", err)
	}
	file, err := os.Open(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, unix.EWOULDBLOCK
	}
	if err != nil {
		return nil, fmt.Errorf("opening the folder: %w", err)
	}
	if err := lockSame(file, folder); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func lockSame(file *os.File, folder string) error {
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err //nolint:wrapcheck // lockFolder compares it, and says what was being locked.
	}
	locked, err := file.Stat()
	if err != nil {
		return fmt.Errorf("looking at the locked folder: %w", err)
	}
	if present, err := os.Stat(folder); err != nil || !os.SameFile(locked, present) {
		return unix.EWOULDBLOCK
	}
	return nil
}
