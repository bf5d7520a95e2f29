// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Fill writes a file until not one more block can be had.
func Fill(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("fill a disk: %w", err)
	}
	for _, size := range []int{1 << 20, 4 << 10} {
		for chunk := make([]byte, size); err == nil; {
			if _, err = f.Write(chunk); err == nil {
				err = f.Sync()
			}
		}
		if !errors.Is(err, unix.ENOSPC) {
			_ = f.Close() // there is an error to tell already
			return fmt.Errorf("fill a disk: %w", err)
		}
		err = nil
	}
	if err := f.Close(); err != nil && !errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("fill a disk: %w", err)
	}
	return nil
}
