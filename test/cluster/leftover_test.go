// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package cluster

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quorate/quorate/hack/cluster"
	"github.com/quorate/quorate/hack/cluster/cgroup"
	"github.com/quorate/quorate/hack/cluster/daemon"
	"github.com/quorate/quorate/hack/cluster/layout"
)

// traces is what there is of a cluster on the machine, to be looked for after it is gone.
type traces struct {
	cluster   layout.Cluster
	link      string // the machine's, if the cluster came so far as to have one.
	processes []daemon.Identity
}

// traces notes every process of the cluster, its pods' included.
func (h *harness) traces() traces {
	h.t.Helper()
	seen := h.tracesIfAny()
	for _, pid := range processesIn(h.t, seen.cluster.Cgroup()) {
		if process, err := daemon.Identify(pid); err == nil { // else it has ended meanwhile.
			seen.processes = append(seen.processes, process)
		}
	}
	if len(seen.processes) == 0 {
		h.t.Fatal("the cluster has no processes")
	}
	return seen
}

// tracesIfAny is for a cluster that may not have come so far as to have a record.
func (h *harness) tracesIfAny() traces {
	h.t.Helper()
	c, err := cluster.Open(h.name, os.Stderr)
	if errors.Is(err, cluster.ErrNone) {
		return traces{cluster: layout.Cluster{Name: h.name}}
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return traces{cluster: c.Cluster, link: c.HostLink()}
}

func processesIn(t *testing.T, group string) []int {
	t.Helper()
	tree, err := cgroup.Find()
	if err != nil {
		t.Fatal(err)
	}
	pids, err := tree.Processes(group)
	if err != nil {
		t.Fatal(err)
	}
	return pids
}

// killEverything does to the cluster what the machine's own end would: no process of it gets to say a word.
func (h *harness) killEverything() {
	h.t.Helper()
	group := h.cluster().Cgroup()
	h.eventually("all processes are dead", 20*time.Second, func() error {
		pids := processesIn(h.t, group)
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				h.t.Fatal(err)
			}
		}
		if len(pids) > 0 {
			return errors.New("some were left to kill")
		}
		return nil
	})
}

// expectGone looks for everything that a cluster is made of.
func (h *harness) expectGone(seen traces) {
	h.t.Helper()
	c := seen.cluster
	tree, err := cgroup.Find()
	if err != nil {
		h.t.Fatal(err)
	}
	gone := append(tree.Folders(c.Cgroup()), c.Paths().Dir)
	if seen.link != "" {
		gone = append(gone, filepath.Join("/sys/class/net", seen.link))
	}
	for _, path := range gone {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			h.t.Errorf("%s is left (%v)", path, err)
		}
	}
	for _, table := range []string{"/proc/self/mountinfo", "/proc/net/route"} {
		text, err := os.ReadFile(table)
		if err != nil {
			h.t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, c.Paths().Dir+"/") || seen.link != "" && strings.HasPrefix(line, seen.link+"\t") {
				h.t.Errorf("%s still has %s", table, line)
			}
		}
	}
	h.expectNoProcess(seen)
	h.expectNoLoop(c.Paths().Dir)
}

// expectNoProcess looks for the cluster's processes, and for others with its files on their command line.
func (h *harness) expectNoProcess(seen traces) {
	h.t.Helper()
	for _, process := range seen.processes {
		if process.Alive() {
			h.t.Errorf("process %d is left", process.PID)
		}
	}
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, entry := range entries {
		line, _ := os.ReadFile(entry) // empty for one that has just ended.
		if strings.Contains(string(line), seen.cluster.Paths().Dir+"/") {
			h.t.Errorf("%s is left: %q", entry, line)
		}
	}
}

// expectNoLoop looks for loop devices with the cluster's files in them.
func (h *harness) expectNoLoop(dir string) {
	h.t.Helper()
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(text), dir+"/") {
			h.t.Errorf("%s is left: %s", file, text)
		}
	}
}
