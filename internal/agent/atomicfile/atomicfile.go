// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package atomicfile writes files that are either the old or the new one, and
// never half of it, and removes what is not to come back after a crash.
package atomicfile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Suffix is added to a file's name while it is being written. The name is
// fixed, so that what a crash leaves behind is overwritten and never piles up.
const Suffix = ".new"

// Write replaces the file at path. It does not survive a loss of power: that
// is for volumes which do not either.
func Write(path string, data []byte, perm fs.FileMode) error {
	if err := stage(path, data, perm, false); err != nil {
		return err
	}
	return commit(path)
}

// WriteSynced replaces the file at path and returns when both the content and
// the name are on the disk. Between is called after the new content is there
// and before it has the name; nil for nothing.
func WriteSynced(path string, data []byte, perm fs.FileMode, between func()) error {
	if err := stage(path, data, perm, true); err != nil {
		return err
	}
	if between != nil {
		between()
	}
	if err := commit(path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// stage writes the new content beside the file.
func stage(path string, data []byte, perm fs.FileMode, sync bool) error {
	staged := path + Suffix
	// A left-over may be read-only.
	if err := os.Remove(staged); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove the left-over %s: %w", staged, err)
	}
	f, err := os.OpenFile(staged, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return fmt.Errorf("create %s: %w", staged, err)
	}
	if err := fill(f, data, perm, sync); err != nil {
		_ = f.Close()
		return fmt.Errorf("write %s: %w", staged, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close %s: %w", staged, err)
	}
	return nil
}

func fill(f *os.File, data []byte, perm fs.FileMode, sync bool) error {
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("content: %w", err)
	}
	// The process' umask must not decide who reads a file.
	if err := f.Chmod(perm); err != nil {
		return fmt.Errorf("mode: %w", err)
	}
	if !sync {
		return nil
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("to the disk: %w", err)
	}
	return nil
}

func commit(path string) error {
	if err := os.Rename(path+Suffix, path); err != nil {
		return fmt.Errorf("put %s in place: %w", path, err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open directory %s: %w", dir, err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}
