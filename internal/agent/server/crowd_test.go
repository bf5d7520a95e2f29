// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/agent/board"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/agent/server"
)

// strangers open connections and send the same on each of them.
func strangers(t *testing.T, address, text string) []net.Conn {
	t.Helper()
	var out []net.Conn
	for range 200 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		// One that was dropped meanwhile is a stranger no longer.
		_, _ = io.WriteString(conn, text)
		out = append(out, conn)
	}
	return out
}

// Anybody in the cluster may be able to open connections to the probes' port.
// Whatever is done with them, the kubelet gets its answer.
func TestAProbeGetsThroughACrowd(t *testing.T) {
	for name, text := range map[string]string{
		"silent":        "",
		"slow to ask":   "GET " + protocol.StartPath + " HTTP/1.1\r\nHost: x\r\nX-",
		"asking for no": "GET " + protocol.ReadyPath + " HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t)
			yes := func() (bool, string) { return true, "" }
			no := func() (bool, string) { return false, "" }
			run(t, func(ctx context.Context) error { return server.Probes(ctx, l, never, yes, no, quiet()) })
			c := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
			for range 3 {
				strangers(t, l.Addr().String(), text)
				if got := status(t, c, http.MethodGet, "http://"+l.Addr().String()+protocol.StartPath); got != http.StatusOK {
					t.Errorf("status %d", got)
				}
			}
		})
	}
}

// A connection to the probes' port does not outlive its question.
func TestAProbesConnectionIsNotKept(t *testing.T) {
	l := listen(t)
	yes := func() (bool, string) { return true, "" }
	run(t, func(ctx context.Context) error { return server.Probes(ctx, l, never, yes, yes, quiet()) })
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET "+protocol.StartPath+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(conn); err != nil || len(text) == 0 {
		t.Errorf("answered %q, %v", text, err)
	}
}

// Who shows no certificate neither keeps the manager out nor ends its long
// poll.
func TestAManagerGetsThroughACrowd(t *testing.T) {
	s := newSet(t)
	a := serve(t, s)
	c := s.client(s.manager())
	first, err := c.Report(t.Context(), a.address, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	polled := make(chan error, 1)
	go func() {
		reply, err := c.Report(t.Context(), a.address, first.Revision, time.Minute)
		if err == nil && !reply.Report.Released {
			err = io.ErrUnexpectedEOF
		}
		polled <- err
	}()
	for range 3 {
		strangers(t, a.address, "")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		if _, err := s.client(s.manager()).Report(ctx, a.address, "", 0); err != nil {
			t.Errorf("a new connection: %v", err)
		}
		cancel()
	}
	select {
	case err := <-polled:
		t.Fatalf("the long poll ended: %v", err)
	default:
	}
	if err := a.Update(func(d *board.Draft) { d.Released = true }); err != nil {
		t.Fatal(err)
	}
	if err := <-polled; err != nil {
		t.Errorf("the long poll: %v", err)
	}
}

// However many come, no more than the bound stand.
func TestACrowdIsBounded(t *testing.T) {
	s := newSet(t)
	a := serve(t, s)
	all := strangers(t, a.address, "")
	// The last of them has been let in once this one is answered.
	if _, err := s.client(s.manager()).Report(t.Context(), a.address, "", 0); err != nil {
		t.Fatal(err)
	}
	standing := 0
	for _, conn := range all {
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !isReset(err) {
			standing++
		}
	}
	if standing > 64 || standing == 0 {
		t.Errorf("%d of %d connections stand", standing, len(all))
	}
}
