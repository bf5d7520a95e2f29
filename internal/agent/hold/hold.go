// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hold keeps a server from starting, across restarts of the agent and
// of the server's container.
//
// Two files lie in a directory that init, agent and server share, for the life
// of a pod. While the hold is set nothing starts the server; the lock is held
// by the server's own process for as long as it lives. Whoever sets the hold
// and then gets the lock therefore knows that no server runs, and that none
// will start: silence of a server proves neither.
package hold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	holdName = "hold"
	lockName = "server.lock"
)

// Dir is the shared directory.
type Dir string

// Prepare sets the hold and makes the lock's file. Init does so before
// anything else, when no other container of the pod runs.
func (d Dir) Prepare() error {
	if err := d.Set(); err != nil {
		return err
	}
	return touch(d.lockPath())
}

// Set keeps the server from starting from now on. One that runs is left alone.
func (d Dir) Set() error { return touch(filepath.Join(string(d), holdName)) }

// Lift lets the server start. Lifting what is not set is no error.
func (d Dir) Lift() error {
	err := os.Remove(filepath.Join(string(d), holdName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("lift the server's hold: %w", err)
	}
	return nil
}

// Held tells whether the hold is set.
func (d Dir) Held() (bool, error) {
	_, err := os.Stat(filepath.Join(string(d), holdName))
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	default:
		return false, fmt.Errorf("look for the server's hold: %w", err)
	}
}

// Exclude gets the lock if no server has it. While it is kept none starts,
// whether the hold is set or not.
func (d Dir) Exclude() (release func(), ok bool, err error) {
	f, err := os.Open(d.lockPath())
	if err != nil {
		return nil, false, fmt.Errorf("open the server's lock: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case err == nil:
		return func() { _ = f.Close() }, true, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		_ = f.Close()
		return nil, false, nil
	default:
		_ = f.Close()
		return nil, false, fmt.Errorf("get the server's lock: %w", err)
	}
}

// Idle tells whether no server runs and none may start: the hold is set, and
// nobody has the lock.
func (d Dir) Idle() (bool, error) {
	held, err := d.Held()
	if err != nil || !held {
		return false, err
	}
	release, ok, err := d.Exclude()
	if ok {
		release()
	}
	return ok, err
}

func (d Dir) lockPath() string { return filepath.Join(string(d), lockName) }

// touch makes an empty file that everybody may read. One that is there stays
// the same file, since a lock is on the file and not on its name.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o444)
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	return nil
}
