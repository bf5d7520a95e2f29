// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestProcessesOfAContainer(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("cpu/kubepods/pod1/abc123/cgroup.procs", "11\n12\n")
	write("cpu/kubepods/pod1/def456/cgroup.procs", "13\n")
	write("memory/kubepods/pod1/abc123/cgroup.procs", "12\n11\n")
	folders := append(named(filepath.Join(root, "cpu"), "abc123"), named(filepath.Join(root, "memory"), "abc123")...)
	if got := processes(folders); !slices.Equal(got, []int{11, 12}) {
		t.Errorf("the processes are %v", got)
	}
	if got := processes(named(root, "fff")); got != nil {
		t.Errorf("a container that is not there has the processes %v", got)
	}
}
