// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"os"
	"path/filepath"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWriteReplacesAndSetsTheMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, content := range []string{"one", "two"} {
		if err := Write(path, []byte(content), 0o440); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != content {
			t.Errorf("content is %q, want %q", got, content)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o440 {
			t.Errorf("mode is %v", info.Mode())
		}
	}
}

func TestTheOldFileStandsUntilTheNewOneIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := WriteSynced(path, []byte("old"), 0o640, nil); err != nil {
		t.Fatal(err)
	}
	called := false
	err := WriteSynced(path, []byte("new"), 0o640, func() {
		called = true
		if got := read(t, path); got != "old" {
			t.Errorf("before the commit the file says %q", got)
		}
		if got := read(t, path+Suffix); got != "new" {
			t.Errorf("before the commit the staged file says %q", got)
		}
	})
	if err != nil || !called {
		t.Fatalf("error %v, called %v", err, called)
	}
	if got := read(t, path); got != "new" {
		t.Errorf("after the commit the file says %q", got)
	}
	if _, err := os.Stat(path + Suffix); !os.IsNotExist(err) {
		t.Errorf("the staged file is left: %v", err)
	}
}

func TestALeftOverDoesNotStandInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path+Suffix, []byte("half of something longer"), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("new"), 0o640); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "new" {
		t.Errorf("the file says %q", got)
	}
}

func TestRemoveAllTakesTheNamesAndNoOther(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"gone", "stays"} {
		if err := os.MkdirAll(filepath.Join(dir, name, "in"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveAll(dir, []string{"gone", "never was"}); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 || entries[0].Name() != "stays" {
		t.Errorf("left are %v: %v", entries, err)
	}
	if err := RemoveAll(filepath.Join(dir, "no such"), nil); err == nil {
		t.Error("a directory that is not there was made durable")
	}
}
