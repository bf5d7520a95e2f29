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
	"strconv"
	"strings"

	"github.com/quorate/quorate/hack/cluster/layout"
)

// mountPoints are the folders over which every node mounts its own, and which not every machine has.
var mountPoints = []string{"/var/lib/kubelet", "/var/lib/cni"}

const (
	// inotifySetting is a limit of the kernel on all processes of a user together. A cluster of three nodes takes 40, and
	// a kubelet that gets none ends.
	inotifySetting = "/proc/sys/fs/inotify/max_user_instances"
	inotifyWanted  = 1024 // enough for all clusters that a machine can have; the kernel's own default is 128.
)

// madeRecord lists the mount points that were made for the clusters of the machine, and are to be removed with the last.
func madeRecord() string { return filepath.Join(layout.Root, "made.json") }

// settingsRecord has the values of kernel settings before they were changed for the clusters of the machine.
func settingsRecord() string { return filepath.Join(layout.Root, "settings.json") }

// prepareHost makes the mount points that the machine lacks, and raises the one limit that is too low for several
// clusters. The caller holds the lock on the root folder. What is to be undone is recorded before it is done, so that a
// crash in between leaves nothing.
func prepareHost() error {
	var made []string
	if err := readRecord(madeRecord(), &made); err != nil {
		return err
	}
	for _, point := range mountPoints {
		if _, err := os.Stat(point); errors.Is(err, fs.ErrNotExist) && !slices.Contains(made, point) {
			made = append(made, point)
		}
	}
	if err := writeRecord(madeRecord(), made); err != nil {
		return err
	}
	for _, point := range mountPoints {
		if err := os.MkdirAll(point, 0o755); err != nil {
			return fmt.Errorf("making a mount point: %w", err)
		}
	}
	return raise(settingsRecord(), inotifySetting, inotifyWanted)
}

// raise makes a kernel setting at least as high as wanted. The record keeps the value from before the first change.
func raise(record, setting string, wanted int) error {
	text, err := os.ReadFile(setting)
	if err != nil {
		return fmt.Errorf("reading a kernel setting: %w", err)
	}
	current := strings.TrimSpace(string(text))
	if n, err := strconv.Atoi(current); err == nil && n >= wanted {
		return nil
	}
	before := make(map[string]string)
	if err := readRecord(record, &before); err != nil {
		return err
	}
	if _, recorded := before[setting]; !recorded {
		before[setting] = current
	}
	if err := writeRecord(record, before); err != nil {
		return err
	}
	return writeSetting(setting, strconv.Itoa(wanted))
}

// restoreHost undoes what prepareHost did, if no cluster is left on the machine. The caller holds the lock on the root
// folder. A folder that somebody has come to use is left to them.
func restoreHost() error {
	others, err := clusterNames()
	if err != nil || len(others) > 0 {
		return err
	}
	var made []string
	before := make(map[string]string)
	if err := errors.Join(readRecord(madeRecord(), &made), readRecord(settingsRecord(), &before)); err != nil {
		return err
	}
	for _, point := range made {
		_ = os.Remove(point) // fails, as it should, if something is in there.
	}
	for setting, value := range before {
		if err := writeSetting(setting, value); err != nil {
			return err
		}
	}
	for _, path := range []string{madeRecord(), settingsRecord(), layout.Root} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing what was recorded of the machine: %w", err)
		}
	}
	return nil
}

// writeSetting is not writeFile: a kernel setting cannot be replaced in one step.
func writeSetting(setting, value string) error {
	if err := os.WriteFile(setting, []byte(value), 0o644); err != nil {
		return fmt.Errorf("changing a kernel setting: %w", err)
	}
	return nil
}

// readRecord leaves the value as it is if nothing was recorded.
func readRecord(path string, value any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, value)
	}
	if err != nil {
		return fmt.Errorf("reading what was recorded of the machine: %w", err)
	}
	return nil
}

func writeRecord(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding what is to be recorded of the machine: %w", err)
	}
	return writeFile(path, text, 0o644)
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
