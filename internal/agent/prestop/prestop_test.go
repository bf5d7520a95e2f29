// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package prestop

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/agent/server"
)

// agent drains by the given function at the returned socket.
func agent(t *testing.T, drain func(context.Context) error) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent.sock")
	l, err := server.Socket(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Drains(ctx, l, drain, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return path
}

func TestDrain(t *testing.T) {
	drained := false
	socket := agent(t, func(context.Context) error {
		drained = true
		return nil
	})
	if err := Drain(t.Context(), socket); err != nil || !drained {
		t.Errorf("drained %v, %v", drained, err)
	}
}

func TestDrainSaysWhyNot(t *testing.T) {
	socket := agent(t, func(context.Context) error { return errors.New("nobody to hand over to") })
	if err := Drain(t.Context(), socket); err == nil || !strings.Contains(err.Error(), "nobody to hand over to") {
		t.Errorf("error %v", err)
	}
}

func TestDrainIsBounded(t *testing.T) {
	socket := agent(t, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := Drain(ctx, socket); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestDrainWithoutAnAgent(t *testing.T) {
	if err := Drain(t.Context(), filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error")
	}
}
