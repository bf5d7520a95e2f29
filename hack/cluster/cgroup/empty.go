// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// pause is between two looks at a group that is being emptied.
const pause = 20 * time.Millisecond

// Processes returns the numbers of all processes in the group and in those below it, whichever hierarchy they are in.
func (t Tree) Processes(group string) ([]int, error) {
	seen := make(map[int]bool)
	for _, folder := range t.Folders(group) {
		err := walk(folder, func(dir string) error {
			text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			if err != nil {
				return ignoreGone(err)
			}
			for _, field := range strings.Fields(string(text)) {
				pid, err := strconv.Atoi(field)
				if err != nil {
					return fmt.Errorf("reading the number of a process: %w", err)
				}
				seen[pid] = true
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("listing the processes of control group %s: %w", folder, err)
		}
	}
	delete(seen, 0) // processes outside of this PID namespace.
	pids := make([]int, 0, len(seen))
	for pid := range seen {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids, nil
}

// Kill ends all processes in the group and in those below it by force, and returns when there is none left. Members
// that start others meanwhile only make it take another round.
func (t Tree) Kill(ctx context.Context, group string) error {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		pids, err := t.Processes(group)
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("killing process %d of control group %s: %w", pid, group, err)
			}
		}
		t.thaw(group)
		select {
		case <-ctx.Done():
			return fmt.Errorf("killing the processes of control group %s, %v are left: %w", group, pids, ctx.Err())
		case <-ticker.C:
		}
	}
}

// thaw lets frozen members of version 1 go on, for those do not die. Most groups are not frozen and many hierarchies
// have no such setting, so that failures mean nothing: Kill sees who is left.
func (t Tree) thaw(group string) {
	for _, folder := range t.Folders(group) {
		_ = walk(folder, func(dir string) error {
			state := filepath.Join(dir, "freezer.state")
			if text, err := os.ReadFile(state); err == nil && strings.TrimSpace(string(text)) != "THAWED" {
				_ = os.WriteFile(state, []byte("THAWED"), 0o644)
			}
			return nil
		})
	}
}

// Remove removes the group and those below it from every hierarchy, and the group's parent as well if that is empty
// then. No process may be left in them.
func (t Tree) Remove(ctx context.Context, group string) error {
	for _, folder := range t.Folders(group) {
		if err := removeFolder(ctx, folder); err != nil {
			return err
		}
		// Fails, as it should, while another group is in there.
		_ = unix.Rmdir(filepath.Dir(folder))
	}
	return nil
}

func removeFolder(ctx context.Context, folder string) error {
	var dirs []string
	err := walk(folder, func(dir string) error {
		dirs = append(dirs, dir)
		return nil
	})
	if err != nil {
		return fmt.Errorf("listing the control groups in %s: %w", folder, err)
	}
	slices.Reverse(dirs) // inner ones first.
	for _, dir := range dirs {
		if err := rmdir(ctx, dir); err != nil {
			return fmt.Errorf("removing the control group %s: %w", dir, err)
		}
	}
	return nil
}

// rmdir removes one group. The kernel takes a moment to notice that the last process has left it.
func rmdir(ctx context.Context, dir string) error {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		err := unix.Rmdir(dir)
		if !errors.Is(err, unix.EBUSY) {
			return ignoreGone(err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for it to be free: %w", errors.Join(ctx.Err(), err))
		case <-ticker.C:
		}
	}
}

// walk visits a folder and those below it, outer ones first. Folders that vanish meanwhile are passed over.
func walk(folder string, visit func(string) error) error {
	//nolint:wrapcheck // callers say which folder, and what for.
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return ignoreGone(err)
		}
		if !entry.IsDir() {
			return nil
		}
		return visit(path)
	})
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}
