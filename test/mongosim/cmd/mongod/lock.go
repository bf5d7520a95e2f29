// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// folderLock is mongod.lock: it holds the process's number while the process lives, and nothing after a clean end.
type folderLock struct{ file *os.File }

// lockFolder takes the data folder. Unclean says that the process before did not end cleanly.
func lockFolder(folder string) (lock *folderLock, unclean bool, err error) {
	if _, err := os.Stat(folder); err != nil {
		return nil, false, fmt.Errorf("Data directory %s not found: %w", folder, err) //nolint:staticcheck,revive // the server's text.
	}
	file, err := os.OpenFile(filepath.Join(folder, "mongod.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("opening the lock file: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, false, errors.Join(fmt.Errorf("DBPathInUse: Unable to lock the lock file. Another mongod instance is already running on the %s directory: %w", folder, err), file.Close())
	}
	info, err := file.Stat()
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return nil, false, errors.Join(fmt.Errorf("writing the lock file: %w", err), file.Close())
	}
	return &folderLock{file}, info.Size() > 0, nil
}

// release marks a clean end.
func (l *folderLock) release() {
	_ = l.file.Truncate(0) // the process ends either way, and the next one says so.
	_ = l.file.Close()
}
