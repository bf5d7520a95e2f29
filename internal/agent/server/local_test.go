// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/agent/server"
)

func TestProbes(t *testing.T) {
	var started, ready atomic.Bool
	ask := func(flag *atomic.Bool) func() (bool, string) {
		return func() (bool, string) { return flag.Load(), "because" }
	}
	l := listen(t)
	run(t, func(ctx context.Context) error {
		return server.Probes(ctx, l, never, ask(&started), ask(&ready), quiet())
	})
	base := "http://" + l.Addr().String()
	expect := func(method, path string, want int) {
		t.Helper()
		if got := status(t, http.DefaultClient, method, base+path); got != want {
			t.Errorf("%s %s: %d, want %d", method, path, got, want)
		}
	}
	expect(http.MethodGet, protocol.StartPath, http.StatusServiceUnavailable)
	started.Store(true)
	expect(http.MethodGet, protocol.StartPath, http.StatusOK)
	expect(http.MethodGet, protocol.ReadyPath, http.StatusServiceUnavailable)
	ready.Store(true)
	expect(http.MethodGet, protocol.ReadyPath, http.StatusOK)
	expect(http.MethodPost, protocol.ReadyPath, http.StatusMethodNotAllowed)
	expect(http.MethodPost, protocol.ActionPath, http.StatusNotFound)
	expect(http.MethodGet, protocol.ReportPath, http.StatusNotFound)
}

// never is of a report that does not change.
func never() <-chan struct{} { return nil }

// turning is an answer that a test changes, with its word of the change.
type turning struct {
	mu      sync.Mutex
	yes     bool
	changed chan struct{}
}

func newTurning() *turning { return &turning{changed: make(chan struct{})} }

func (a *turning) turn(yes bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.yes = yes
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *turning) ask() (bool, string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.yes, "because"
}

func (a *turning) change() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.changed
}

func TestAProbeIsAnsweredWhenTheAnswerTurns(t *testing.T) {
	l, a := listen(t), newTurning()
	yes := func() (bool, string) { return true, "" }
	run(t, func(ctx context.Context) error { return server.Probes(ctx, l, a.change, a.ask, yes, quiet()) })
	answered := make(chan int)
	go func() {
		answered <- status(t, http.DefaultClient, http.MethodGet, "http://"+l.Addr().String()+protocol.StartPath)
	}()
	a.turn(false) // a change of something else
	select {
	case got := <-answered:
		t.Fatalf("a no was not held back: %d", got)
	case <-time.After(300 * time.Millisecond):
	}
	a.turn(true)
	if got := <-answered; got != http.StatusOK {
		t.Errorf("after the answer had turned: %d", got)
	}
}

func TestAMemberThatCeasesToServeIsTakenOffAtOnce(t *testing.T) {
	l, a := listen(t), newTurning()
	yes := func() (bool, string) { return true, "" }
	run(t, func(ctx context.Context) error { return server.Probes(ctx, l, a.change, yes, a.ask, quiet()) })
	ask := func() (int, time.Duration) {
		begin := time.Now()
		got := status(t, http.DefaultClient, http.MethodGet, "http://"+l.Addr().String()+protocol.ReadyPath)
		return got, time.Since(begin)
	}
	for range 2 {
		a.turn(true)
		if got, _ := ask(); got != http.StatusOK {
			t.Fatalf("while it serves: %d", got)
		}
		a.turn(false)
		for i := range 2 { // the kubelet believes the second
			if got, took := ask(); got != http.StatusServiceUnavailable || took > time.Second {
				t.Errorf("no %d after a yes: %d after %v", i+1, got, took)
			}
		}
		if got, took := ask(); got != http.StatusServiceUnavailable || took < time.Second {
			t.Errorf("a later no: %d after %v", got, took)
		}
	}
}

func TestASilentCallerIsDropped(t *testing.T) {
	l := listen(t)
	yes := func() (bool, string) { return true, "" }
	run(t, func(ctx context.Context) error { return server.Probes(ctx, l, never, yes, yes, quiet()) })
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err = conn.Read(make([]byte, 1))
	if took := time.Since(start); !errors.Is(err, io.EOF) && !isReset(err) || took > 4*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
}

func isReset(err error) bool {
	var timeout net.Error
	return err != nil && (!errors.As(err, &timeout) || !timeout.Timeout())
}

func TestDrainOverTheSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.sock")
	// What a process before this one left behind.
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := server.Socket(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	fail := errors.New("no leader to hand over to")
	outcome := make(chan error, 1)
	begun, drained := make(chan struct{}, 10), make(chan struct{}, 1)
	run(t, func(ctx context.Context) error {
		return server.Drains(ctx, l, func(ctx context.Context) error {
			begun <- struct{}{}
			select {
			case err := <-outcome:
				return err
			case <-ctx.Done():
				drained <- struct{}{}
				return ctx.Err()
			}
		}, quiet())
	})
	c := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	defer c.CloseIdleConnections()
	outcome <- nil
	if got := status(t, c, http.MethodPost, "http://agent"+protocol.DrainPath); got != http.StatusNoContent {
		t.Errorf("drained: %d", got)
	}
	outcome <- fail
	if got := status(t, c, http.MethodPost, "http://agent"+protocol.DrainPath); got != http.StatusInternalServerError {
		t.Errorf("failed: %d", got)
	}
	if got := status(t, c, http.MethodGet, "http://agent"+protocol.DrainPath); got != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", got)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent"+protocol.DrainPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	for len(begun) > 0 {
		<-begun
	}
	go func() {
		<-begun
		hangUp()
	}()
	if response, err := c.Do(request); err == nil {
		_ = response.Body.Close()
		t.Error("answered though nothing was drained")
	}
	select {
	case <-drained:
	case <-time.After(5 * time.Second):
		t.Error("a caller that hung up is still worked for")
	}
}
