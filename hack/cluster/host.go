// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/quorate/quorate/hack/cluster/layout"
)

// mountPoints are the folders over which every node mounts its own, and which not every machine has.
var mountPoints = []string{"/var/lib/kubelet", "/var/lib/cni"}

// madeRecord lists the mount points that were made for the clusters of the machine, and are to be removed with the last.
func madeRecord() string { return filepath.Join(layout.Root, "made.json") }

// prepareHost makes the mount points that the machine lacks. The caller holds the lock on the root folder.
func prepareHost() error {
	made, err := readMade()
	if err != nil {
		return err
	}
	for _, point := range mountPoints {
		if _, err := os.Stat(point); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if !slices.Contains(made, point) {
			made = append(made, point)
		}
	}
	text, err := json.Marshal(made)
	if err != nil {
		return fmt.Errorf("encoding the list of folders made: %w", err)
	}
	// Said before it is done, so that a crash in between leaves nothing.
	if err := writeFile(madeRecord(), text, 0o644); err != nil {
		return err
	}
	for _, point := range mountPoints {
		if err := os.MkdirAll(point, 0o755); err != nil {
			return fmt.Errorf("making a mount point: %w", err)
		}
	}
	return nil
}

// restoreHost removes what prepareHost made, if no cluster is left on the machine. The caller holds the lock on the root
// folder. A folder that somebody has come to use is left to them.
func restoreHost() error {
	others, err := clusterNames()
	if err != nil || len(others) > 0 {
		return err
	}
	made, err := readMade()
	if err != nil {
		return err
	}
	for _, point := range made {
		_ = os.Remove(point) // fails, as it should, if something is in there.
	}
	if err := os.Remove(madeRecord()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the list of folders made: %w", err)
	}
	if err := os.Remove(layout.Root); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the folder of all clusters: %w", err)
	}
	return nil
}

func readMade() ([]string, error) {
	text, err := os.ReadFile(madeRecord())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the list of folders made: %w", err)
	}
	var made []string
	if err := json.Unmarshal(text, &made); err != nil {
		return nil, fmt.Errorf("reading the list of folders made: %w", err)
	}
	return made, nil
}

// clusterNames lists the clusters that have a folder on the machine.
func clusterNames() ([]string, error) {
	entries, err := os.ReadDir(layout.Root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the clusters: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// loadKernelModules asks for what some kernels have as modules. Where they are built in, or the program is missing, it
// fails and nothing is lost: what is really absent shows when it is used, with its own name.
func loadKernelModules(ctx context.Context) {
	_ = exec.CommandContext(ctx, "modprobe", "--all", "--quiet", "overlay", "br_netfilter").Run()
}
