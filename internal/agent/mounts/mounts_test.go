// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mounts

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func write(t *testing.T, content string, path ...string) {
	t.Helper()
	// Removed first, so that it is another file as after the kubelet's swap.
	_ = os.Remove(filepath.Join(path...))
	if err := os.WriteFile(filepath.Join(path...), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func hashes(t *testing.T, m *Mounts) map[string]string {
	t.Helper()
	got, err := m.Hashes()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestHashes(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	write(t, "secret", a, "gossip")
	write(t, "secret", b, "same")
	write(t, "other", b, "..hidden")
	if err := os.Mkdir(filepath.Join(b, "..2026"), 0o700); err != nil {
		t.Fatal(err)
	}
	m := New(map[string]string{"member": a, "shared": b})
	first := hashes(t, m)
	if keys := slices.Sorted(maps.Keys(first)); !slices.Equal(keys, []string{"member/gossip", "shared/same"}) {
		t.Fatalf("keys %v", keys)
	}
	if first["member/gossip"] != first["shared/same"] || first["member/gossip"] == "" {
		t.Errorf("one content has two hashes: %v", first)
	}
	if again := hashes(t, m); !maps.Equal(first, again) {
		t.Errorf("nothing changed, but the hashes did: %v", again)
	}
	write(t, "SECRET", a, "gossip")
	changed := hashes(t, m)
	if changed["member/gossip"] == first["member/gossip"] || changed["shared/same"] != first["shared/same"] {
		t.Errorf("after a change: %v, before: %v", changed, first)
	}
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	a := t.TempDir()
	write(t, "x", a, "good")
	if err := os.Symlink("nowhere", filepath.Join(a, "dangling")); err != nil {
		t.Fatal(err)
	}
	got, err := New(map[string]string{"a": a, "b": filepath.Join(a, "none")}).Hashes()
	if err == nil {
		t.Error("no error")
	}
	if len(got) != 1 || got["a/good"] == "" {
		t.Errorf("hashes %v", got)
	}
}
