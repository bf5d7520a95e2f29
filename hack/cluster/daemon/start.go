// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Spec says what to run and where.
type Spec struct {
	// Name is the process's own among those of its cluster.
	Name string
	// Argv is the program and its arguments.
	Argv []string
	// Env is added to the environment of the starter, which loses its proxy settings: everything a cluster talks to is
	// in the cluster.
	Env []string
	// Log is the file that gets the output, after what is already in it.
	Log string
	// Cgroups are the folders of the control groups that the process joins before it runs.
	Cgroups []string
	// NetNS is the path of the network namespace; empty for the starter's.
	NetNS string
	// MountsOf is a process whose mount namespace is joined; 0 for none.
	MountsOf int
}

// join puts the shell that runs it into control groups, and then becomes the program. The process is in its groups
// before it can start another one, and its number does not change.
const join = `while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"`

// argv is the command line that brings about all of a Spec.
func (s Spec) argv() []string {
	line := []string{"sh", "-c", join, s.Name}
	line = append(line, s.Cgroups...)
	line = append(line, "--")
	line = append(line, Inside(s.NetNS, s.MountsOf)...)
	return append(line, s.Argv...)
}

// Inside is the beginning of a command line that runs in the network namespace, and in the mount namespace of the
// process. It is empty if neither is asked for. "ip netns exec" would not do: it mounts another /sys, in which there
// are no control groups.
func Inside(netNS string, mountsOf int) []string {
	if netNS == "" && mountsOf == 0 {
		return nil
	}
	line := []string{"nsenter"}
	if netNS != "" {
		line = append(line, "--net="+netNS)
	}
	if mountsOf != 0 {
		line = append(line, "--mount=/proc/"+strconv.Itoa(mountsOf)+"/ns/mnt")
	}
	return append(line, "--")
}

// Start runs a process in the background, in a session of its own, and records it. It returns at once: whether the
// process is of any use is for the caller to find out.
func (b Book) Start(s Spec) (Record, error) {
	if err := os.MkdirAll(filepath.Dir(s.Log), 0o755); err != nil {
		return Record{}, fmt.Errorf("making the folder for the log of %s: %w", s.Name, err)
	}
	log, err := os.OpenFile(s.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return Record{}, fmt.Errorf("opening the log of %s: %w", s.Name, err)
	}
	defer func() { _ = log.Close() }() // the process has its own.
	line := s.argv()
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = environment(os.Environ(), s.Env)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	started := time.Now()
	if err := cmd.Start(); err != nil {
		return Record{}, fmt.Errorf("starting %s: %w", s.Name, err)
	}
	identity, err := Identify(cmd.Process.Pid)
	// Only collects the process should it end before its starter does; how it ended is in its log.
	go func() { _ = cmd.Wait() }()
	if err != nil {
		return Record{}, fmt.Errorf("starting %s: %w", s.Name, err)
	}
	record := Record{Identity: identity, Name: s.Name, Started: started}
	return record, b.write(record)
}

// environment is the starter's without its proxies, and with what is added.
func environment(base, added []string) []string {
	env := make([]string, 0, len(base)+len(added))
	for _, entry := range base {
		key, _, _ := strings.Cut(entry, "=")
		if !strings.HasSuffix(strings.ToLower(key), "_proxy") {
			env = append(env, entry)
		}
	}
	return append(env, added...)
}
