// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lock takes the file's exclusive lock and returns the function that releases it. The kernel drops the lock when its
// holder dies, so that an interrupted build never blocks the next one. waiting is called once if the lock is held by
// somebody else. When ctx ends first, nothing is held.
func lock(ctx context.Context, path string, waiting func()) (release func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of the build lock: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the build lock: %w", err)
	}
	closeFile := func() { _ = file.Close() } // closing is what releases; there is nothing written to lose.
	err = flock(file, syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return closeFile, nil
	}
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		closeFile()
		return nil, fmt.Errorf("taking the build lock: %w", err)
	}
	waiting()
	var lockErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		lockErr = flock(file, syscall.LOCK_EX)
	}()
	select {
	case <-done:
		if lockErr != nil {
			closeFile()
			return nil, fmt.Errorf("waiting for the build lock: %w", lockErr)
		}
		return closeFile, nil
	case <-ctx.Done():
		// The call cannot be interrupted; whatever it obtains later is given back at once.
		go func() { <-done; closeFile() }()
		return nil, fmt.Errorf("waiting for the build lock: %w", context.Cause(ctx))
	}
}

// flock is the system call, repeated when a signal interrupts it.
func flock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err //nolint:wrapcheck // the caller says what was being locked.
		}
	}
}
