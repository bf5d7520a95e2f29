// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func exists(path string) func() (bool, error) {
	return func() (bool, error) {
		_, err := os.Stat(path)
		return err == nil, nil
	}
}

func TestUntilSeesTheKubeletsWayOfChangingAVolume(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"..1", "..2"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "..2", "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..1", filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..data/file", filepath.Join(dir, "file")); err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{}, 100)
	ended := make(chan error, 1)
	done := exists(filepath.Join(dir, "file"))
	go func() {
		ended <- Until(t.Context(), dir, func() (bool, error) {
			asked <- struct{}{}
			return done()
		})
	}()
	<-asked
	if err := os.Symlink("..2", filepath.Join(dir, "..data_tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the change was not seen")
	}
}

func TestUntilEnds(t *testing.T) {
	dir := t.TempDir()
	if err := Until(t.Context(), dir, exists(dir)); err != nil {
		t.Errorf("already done: %v", err)
	}
	boom := errors.New("boom")
	if err := Until(t.Context(), dir, func() (bool, error) { return false, boom }); !errors.Is(err, boom) {
		t.Errorf("a failure to ask: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(boom)
	if err := Until(ctx, dir, exists(filepath.Join(dir, "never"))); !errors.Is(err, boom) {
		t.Errorf("cancelled: %v", err)
	}
	if err := Until(t.Context(), filepath.Join(dir, "none"), exists(dir)); err == nil {
		t.Error("no error for a directory that is not there")
	}
}
