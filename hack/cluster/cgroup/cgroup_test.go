// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/hack/cluster/mounts"
)

func TestHierarchiesAreFound(t *testing.T) {
	table := []mounts.Mount{
		{Point: "/", Kind: "ext4"},
		{Point: "/sys/fs/cgroup", Kind: "tmpfs"},
		{Point: "/sys/fs/cgroup/cpu", Kind: "cgroup"},
		{Point: "/sys/fs/cgroup/unified", Kind: "cgroup2"},
		{Point: "/sys/fs/cgroup/cpu", Kind: "cgroup"},
		{Point: "/somewhere/cgroup", Kind: "cgroup"},
		{Point: "/sys/fs/cgroupfoo", Kind: "cgroup"},
	}
	want := Tree{{Root: "/sys/fs/cgroup/cpu"}, {Root: "/sys/fs/cgroup/unified", Unified: true}}
	got := fromMounts(table)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.UnifiedOnly() {
		t.Error("version 2 is not alone")
	}
	if two := fromMounts([]mounts.Mount{{Point: "/sys/fs/cgroup", Kind: "cgroup2"}}); !two.UnifiedOnly() {
		t.Error("version 2 is alone")
	}
}

// fake is a folder that looks like a hierarchy; the kernel's part, such as new groups having files, is not there.
func fake(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNewGroupsInheritProcessorsAndMemory(t *testing.T) {
	cpuset := fake(t, map[string]string{"cpuset.cpus": "0-1", "cpuset.mems": "0"})
	pids := fake(t, nil)
	tree := Tree{{Root: cpuset}, {Root: pids}}
	for range 2 { // again does no harm.
		if err := tree.Create("/a/b"); err != nil {
			t.Fatal(err)
		}
	}
	for _, group := range []string{"a", "a/b"} {
		if got := read(t, filepath.Join(cpuset, group, "cpuset.cpus")); got != "0-1" {
			t.Errorf("%s has processors %q", group, got)
		}
		if _, err := os.Stat(filepath.Join(pids, group)); err != nil {
			t.Error(err)
		}
	}
}

func TestControllersAreHandedDownOnlyWhereThereIsVersion2Alone(t *testing.T) {
	files := map[string]string{"cgroup.controllers": "cpu memory", "cgroup.subtree_control": ""}
	alone := fake(t, files)
	if err := (Tree{{Root: alone, Unified: true}}).Create("/a"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(alone, "cgroup.subtree_control")); got != "+memory" { // the last one written.
		t.Errorf("handed down: %q", got)
	}
	beside := fake(t, files)
	if err := (Tree{{Root: beside, Unified: true}, {Root: fake(t, nil)}}).Create("/a"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(beside, "cgroup.subtree_control")); got != "" {
		t.Errorf("beside version 1, handed down: %q", got)
	}
}

func TestProcessesOfAllHierarchiesAndGroupsBelow(t *testing.T) {
	one := fake(t, map[string]string{"a/cgroup.procs": "1\n2\n", "a/b/cgroup.procs": "3\n", "other/cgroup.procs": "9\n"})
	two := fake(t, map[string]string{"a/cgroup.procs": "0\n2\n4\n"})
	tree := Tree{{Root: one}, {Root: two}, {Root: fake(t, nil)}}
	got, err := tree.Processes("/a")
	if err != nil || !slices.Equal(got, []int{1, 2, 3, 4}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := tree.Processes("/none"); err != nil || len(got) != 0 {
		t.Errorf("of a group that does not exist: %v, %v", got, err)
	}
}

func TestRemoveTakesTheParentOnlyWhenItIsEmpty(t *testing.T) {
	root := fake(t, nil)
	tree := Tree{{Root: root}}
	for _, group := range []string{"/q/a/x/y", "/q/b"} {
		if err := tree.Create(group); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // again does no harm.
		if err := tree.Remove(t.Context(), "/q/a"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "q", "b")); err != nil {
		t.Errorf("the other group is gone: %v", err)
	}
	if err := tree.Remove(t.Context(), "/q/b"); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}
