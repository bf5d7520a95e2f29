// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cgroup makes, empties and removes control groups, in every hierarchy that the machine has: several of version
// 1, or the one of version 2, or both side by side.
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/quorate/quorate/hack/cluster/mounts"
)

// Hierarchy is one tree of control groups.
type Hierarchy struct {
	// Root is where the tree is mounted.
	Root string
	// Unified says that it is of version 2.
	Unified bool
}

// Tree is all hierarchies of the machine. A path in it means the group of that path in each of them.
type Tree []Hierarchy

// Find returns the hierarchies that are mounted.
func Find() (Tree, error) {
	table, err := mounts.Read()
	if err != nil {
		return nil, fmt.Errorf("looking for control groups: %w", err)
	}
	tree := fromMounts(table)
	if len(tree) == 0 {
		return nil, errors.New("no control groups are mounted on this machine")
	}
	return tree, nil
}

// fromMounts picks the hierarchies out of the table of mounts.
func fromMounts(table []mounts.Mount) Tree {
	var tree Tree
	seen := make(map[string]bool)
	for _, m := range table {
		// Below /sys/fs/cgroup only: some containers' file systems show the same hierarchies in other places.
		below := m.Point == "/sys/fs/cgroup" || strings.HasPrefix(m.Point, "/sys/fs/cgroup/")
		if (m.Kind == "cgroup" || m.Kind == "cgroup2") && below && !seen[m.Point] {
			seen[m.Point] = true
			tree = append(tree, Hierarchy{Root: m.Point, Unified: m.Kind == "cgroup2"})
		}
	}
	return tree
}

// UnifiedOnly tells whether version 2 is all that the machine has.
func (t Tree) UnifiedOnly() bool { return len(t) == 1 && t[0].Unified }

// Folders returns the folders of a group, one a hierarchy.
func (t Tree) Folders(group string) []string {
	folders := make([]string, 0, len(t))
	for _, h := range t {
		folders = append(folders, filepath.Join(h.Root, group))
	}
	return folders
}

// Create makes a group and those above it, and hands down what a group needs before a process can join it.
func (t Tree) Create(group string) error {
	for _, h := range t {
		parent := h.Root
		for _, name := range strings.Split(strings.Trim(group, "/"), "/") {
			folder := filepath.Join(parent, name)
			if err := h.create(parent, folder, len(t) == 1); err != nil {
				return fmt.Errorf("making the control group %s: %w", folder, err)
			}
			parent = folder
		}
	}
	return nil
}

func (h Hierarchy) create(parent, folder string, alone bool) error {
	// Beside version 1, version 2 has no controllers to hand down.
	if h.Unified && alone {
		if err := enableControllers(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making the folder: %w", err)
	}
	if h.Unified {
		return nil
	}
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		if err := inherit(filepath.Join(parent, file), filepath.Join(folder, file)); err != nil {
			return err
		}
	}
	return nil
}

// inherit copies a setting of version 1 that starts empty in a new group, which then cannot be joined.
func inherit(from, to string) error {
	value, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // not the cpuset hierarchy.
	}
	if err != nil {
		return fmt.Errorf("reading the setting to hand down: %w", err)
	}
	if err := os.WriteFile(to, value, 0o644); err != nil {
		return fmt.Errorf("handing a setting down: %w", err)
	}
	return nil
}

// enableControllers lets the groups below one of version 2 have all of its controllers.
func enableControllers(folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("reading the controllers: %w", err)
	}
	for _, name := range strings.Fields(string(text)) {
		if err := os.WriteFile(filepath.Join(folder, "cgroup.subtree_control"), []byte("+"+name), 0o644); err != nil {
			return fmt.Errorf("enabling the controller %s: %w", name, err)
		}
	}
	return nil
}
