// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quorate/quorate/hack/cluster/mounts"
)

// marker is a file that says that a directory is kept by this package.
const marker = ".quorate-storage"

// openDir makes the directory of all volumes, if need be, and marks it. It refuses a directory that holds something
// else: Cleanup will remove all of it.
func openDir(dir string) (disks, error) {
	if dir == "" {
		return disks{}, errors.New("no directory for volumes is given")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return disks{}, fmt.Errorf("finding the directory of volumes: %w", err)
	}
	if err := os.MkdirAll(abs, 0o755); err != nil {
		return disks{}, fmt.Errorf("making the directory of volumes: %w", err)
	}
	// Mount tables and volumes' paths know no symbolic links.
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return disks{}, fmt.Errorf("finding the directory of volumes: %w", err)
	}
	entries, err := os.ReadDir(abs)
	if err != nil {
		return disks{}, fmt.Errorf("reading the directory of volumes: %w", err)
	}
	marked, err := isMarked(abs)
	if err != nil {
		return disks{}, err
	}
	if !marked && len(entries) > 0 {
		return disks{}, fmt.Errorf("directory %s is not empty and not one of this provisioner's", abs)
	}
	if err := os.WriteFile(filepath.Join(abs, marker), nil, 0o644); err != nil {
		return disks{}, fmt.Errorf("marking the directory of volumes: %w", err)
	}
	return disks{dir: abs}, nil
}

// Cleanup unmounts, detaches and removes all volumes, retained ones too, and the directory that Run was given. The
// provisioner and the pods must have ended. It may be repeated, and succeeds when there is nothing to remove; it
// refuses a directory that Run has not made its own. What it unmounts it reads from the kernel, so that it also finds
// what a killed provisioner left. Loop devices are released by the kernel with their last mount; a volume that a process
// still uses is taken away all the same, and its device and space are given back when that use ends.
func Cleanup(dir string) error {
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding the directory of volumes: %w", err)
	}
	marked, err := isMarked(abs)
	if err != nil {
		return err
	}
	if !marked {
		if os.Remove(abs) == nil {
			return nil // It was empty: the last step of a removal that was interrupted.
		}
		return fmt.Errorf("directory %s is not one of this provisioner's, nothing was removed", abs)
	}
	if err := mounts.RemoveBelow(abs); err != nil {
		return fmt.Errorf("unmounting volumes: %w", err)
	}
	if err := removeMarked(abs); err != nil {
		return fmt.Errorf("emptying the directory of volumes: %w", err)
	}
	return nil
}

func isMarked(dir string) (bool, error) {
	_, err := os.Lstat(filepath.Join(dir, marker))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("looking whose directory %s is: %w", dir, err)
	}
	return err == nil, nil
}

// removeMarked removes the directory, its mark after all else, so that an interrupted removal can be repeated.
func removeMarked(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading it: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == marker {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("removing %s: %w", entry.Name(), err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing it: %w", err)
	}
	return nil
}
