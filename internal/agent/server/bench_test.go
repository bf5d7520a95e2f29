// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/agent/board"
	"github.com/quorate/quorate/internal/agent/client"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/agent/server"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/pki"
)

// set is the authority of one datastore, in the forms that tests need.
type set struct {
	t         *testing.T
	authority pki.Pair
	issuer    *pki.Authority
}

func newSet(t *testing.T) set {
	t.Helper()
	pair, err := pki.NewAuthority("test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := pki.LoadAuthority(pair)
	if err != nil {
		t.Fatal(err)
	}
	return set{t: t, authority: pair, issuer: issuer}
}

func (s set) member() pki.Pair {
	s.t.Helper()
	pair, err := s.issuer.Member(time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return pair
}

func (s set) manager() pki.Pair {
	s.t.Helper()
	pair, err := s.issuer.Manager(time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return pair
}

// client returns a client of this set that shows the given pair.
func (s set) client(pair pki.Pair) *client.Client {
	s.t.Helper()
	identity, err := client.Identity(s.authority.Certificate, pair.Certificate, pair.Key)
	if err != nil {
		s.t.Fatal(err)
	}
	c := client.New(nil, identity)
	s.t.Cleanup(c.Close)
	return c
}

// mount writes a member pair the way that the kubelet swaps a Secret.
func (s set) mount(dir string, pair pki.Pair) {
	s.t.Helper()
	for name, content := range map[string][]byte{"ca.crt": s.authority.Certificate, "tls.crt": pair.Certificate, "tls.key": pair.Key} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".tmp", content, 0o600); err != nil {
			s.t.Fatal(err)
		}
		if err := os.Rename(path+".tmp", path); err != nil {
			s.t.Fatal(err)
		}
	}
}

// agent is a served board.
type agent struct {
	*board.Board
	address string
	secrets string
	stop    func()

	mu       sync.Mutex
	looks    int
	accepted []protocol.ActionRequest
	refusal  *protocol.Refusal
}

func (a *agent) accept(_ context.Context, r protocol.ActionRequest) *protocol.Refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refusal == nil {
		a.accepted = append(a.accepted, r)
	}
	return a.refusal
}

func (a *agent) look(context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.looks++
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// serve starts an agent of a set and stops it with the test.
func serve(t *testing.T, s set) *agent {
	t.Helper()
	b, err := board.New(engine.Report{Protocol: protocol.Version, Member: "db-0"})
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{Board: b, secrets: t.TempDir()}
	s.mount(a.secrets, s.member())
	l := listen(t)
	a.address = l.Addr().String()
	a.stop = run(t, func(ctx context.Context) error {
		return server.Serve(ctx, l, server.NewIdentity(a.secrets), b, a.look, a.accept, quiet())
	})
	return a
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run serves until the returned function is called, or the test ends.
func run(t *testing.T, serve func(context.Context) error) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("serve: %v", err)
			}
		case <-time.After(2 * time.Second):
			t.Error("still serving two seconds after the end")
		}
	})
	t.Cleanup(stop)
	return stop
}

func status(t *testing.T, c *http.Client, method, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}
