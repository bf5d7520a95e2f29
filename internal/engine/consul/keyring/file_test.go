// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package keyring

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// What is reported must outlive a node that fails right after it: it is on the disk
// before, each time that it has changed.
func TestKeysAreReportedOnceTheyAreOnTheDisk(t *testing.T) {
	secrets := t.TempDir()
	if err := os.WriteFile(filepath.Join(secrets, "gossip"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := New(t.TempDir(), secrets)
	if err := f.Give(); err != nil {
		t.Fatal(err)
	}
	synced, fails := 0, true
	f.sync = func(*os.File) error {
		synced++
		if fails {
			return errors.New("no")
		}
		return nil
	}
	if got := f.Hashes(); got != nil {
		t.Errorf("keys that may not be on the disk are reported: %v", got)
	}
	fails = false
	for range 3 {
		if got := f.Hashes(); len(got) != 1 {
			t.Errorf("the keys are %v", got)
		}
	}
	if synced != 2 {
		t.Errorf("the keys were synced %d times, want once more", synced)
	}
	if err := os.WriteFile(f.Path(), []byte(`["new","old"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := f.Hashes(); len(got) != 2 || synced != 3 {
		t.Errorf("the changed keys are %v, synced %d times", got, synced)
	}
}
