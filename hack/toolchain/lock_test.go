// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

func TestLockExcludesAndIsPassedOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "lock")
	first, err := lock(t.Context(), path, func() { t.Error("the first waited") })
	if err != nil {
		t.Fatal(err)
	}
	waiting, taken := make(chan struct{}), make(chan func(), 1)
	go func() {
		second, err := lock(t.Context(), path, func() { close(waiting) })
		if err != nil {
			t.Error(err)
			second = func() {}
		}
		taken <- second
	}()
	await(t, waiting)
	select {
	case <-taken:
		t.Fatal("two hold the lock")
	default:
	}
	first()
	select {
	case second := <-taken:
		second()
	case <-time.After(patience):
		t.Fatal("the lock was not passed on")
	}
}

func TestLockGivenUpIsNotHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := lock(t.Context(), path, func() {})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := lock(ctx, path, cancel); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the context's end", err)
	}
	first()
	// The one that gave up may obtain the lock for a moment; it must hand it back.
	ctx, cancel = context.WithTimeout(t.Context(), patience)
	defer cancel()
	third, err := lock(ctx, path, func() {})
	if err != nil {
		t.Fatal(err)
	}
	third()
}

func await(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("waited in vain")
	}
}
