// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/quorate/quorate/hack/cluster/cgroup"
)

// Signal sends a signal to all processes of one container on a node. They are found by the container's control group
// below that of the node, so that no process of another cluster or of the machine is met.
func (c *Cluster) Signal(node, container string, s unix.Signal) error {
	folders, err := c.containerFolders(node, container)
	if err != nil {
		return err
	}
	sent := 0
	for _, pid := range processes(folders) {
		if err := signalOne(folders, pid, s); err != nil {
			return err
		}
		sent++
	}
	if sent == 0 {
		return fmt.Errorf("send %s to container %s: it has no process on node %s", unix.SignalName(s), container, node)
	}
	return nil
}

// signalOne sends a signal to a process that is still in the control group when
// it can no longer be taken for another.
func signalOne(folders []string, pid int, s unix.Signal) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open process %d: %w", pid, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if !slices.Contains(processes(folders), pid) {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, s, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("send %s to process %d: %w", unix.SignalName(s), pid, err)
	}
	return nil
}

// containerFolders returns the control groups of a container, one a hierarchy.
func (c *Cluster) containerFolders(node, container string) ([]string, error) {
	on, err := c.FindNode(node)
	if err != nil {
		return nil, err
	}
	tree, err := cgroup.Find()
	if err != nil {
		return nil, err
	}
	if container == "" {
		return nil, fmt.Errorf("find a container's processes on node %s: the container has no id yet", node)
	}
	var out []string
	for _, root := range tree.Folders(c.NodeCgroup(on)) {
		out = append(out, named(root, container)...)
	}
	return out, nil
}

// named returns the folders below root with the container's id in their name.
func named(root, container string) []string {
	var out []string
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil //nolint:nilerr // a group that has just gone holds no process
		}
		if strings.Contains(entry.Name(), container) {
			out = append(out, path)
			return fs.SkipDir
		}
		return nil
	})
	return out
}

// processes are those in the control groups, each once.
func processes(folders []string) []int {
	var out []int
	for _, folder := range folders {
		text, err := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
		if err != nil {
			continue // it has just gone
		}
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil && !slices.Contains(out, pid) {
				out = append(out, pid)
			}
		}
	}
	return out
}
