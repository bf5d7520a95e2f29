// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/pki"
)

// rogue serves with a member's certificate whatever a handler does, and
// returns a client for it and its address.
func rogue(t *testing.T, h http.HandlerFunc) (*Client, string) {
	t.Helper()
	authority, err := pki.NewAuthority("test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := pki.LoadAuthority(authority)
	if err != nil {
		t.Fatal(err)
	}
	member, err := issuer.Member(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	manager, err := issuer.Manager(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(member.Certificate, member.Key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	s.StartTLS()
	t.Cleanup(s.Close)
	identity, err := Identity(authority.Certificate, manager.Certificate, manager.Key)
	if err != nil {
		t.Fatal(err)
	}
	c := New(nil, identity)
	t.Cleanup(c.Close)
	return c, s.Listener.Addr().String()
}

func TestUntrustedAnswersAreBounded(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"a report without end": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"revision":"`)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("x", 1<<16)); err != nil {
					return
				}
			}
		},
		"a header without end": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		},
		"a redirection": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+r.Host+"/elsewhere", http.StatusTemporaryRedirect)
		},
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") },
		"a refusal without end": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusConflict)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(" ", 1<<16)); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, address := rogue(t, h)
			reply, err := c.Report(t.Context(), address, "", 0)
			if err == nil {
				t.Errorf("reply %+v", reply)
			}
			var refused *RefusedError
			if errors.As(err, &refused) {
				t.Errorf("taken for a refusal: %v", err)
			}
		})
	}
}

func TestARefusalIsTyped(t *testing.T) {
	c, address := rogue(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"reason":"Busy","message":"`+strings.Repeat("é", maxMessageBytes)+`"}`)
	})
	err := c.Act(t.Context(), address, protocol.ActionRequest{ID: "x"})
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Reason != protocol.RefusedBusy || len(refused.Message) > maxMessageBytes {
		t.Errorf("error %v", err)
	}
}

func TestTheCallSaysWhatIsAskedFor(t *testing.T) {
	var query, idempotency string
	c, address := rogue(t, func(w http.ResponseWriter, r *http.Request) {
		query, idempotency = r.URL.RawQuery, r.Header.Get("Idempotency-Key")
		_, _ = io.WriteString(w, `{"revision":"r","report":{"member":"db-0","later":"a field of a newer agent"}}`)
	})
	for _, call := range []struct {
		since string
		wait  time.Duration
		want  string
	}{
		{"", 0, "wait=0"},
		{"a b", 2500 * time.Millisecond, "since=a+b&wait=2"},
		{"r", time.Hour, "since=r&wait=60"},
	} {
		reply, err := c.Report(t.Context(), address, call.since, call.wait)
		if err != nil || reply.Revision != "r" || reply.Report.Member != "db-0" {
			t.Errorf("reply %+v, %v", reply, err)
		}
		if query != call.want {
			t.Errorf("asked with %q, want %q", query, call.want)
		}
	}
	if err := c.Act(t.Context(), address, protocol.ActionRequest{ID: "x"}); err != nil || idempotency != "x" {
		t.Errorf("key %q, %v", idempotency, err)
	}
}

func TestNobodyThere(t *testing.T) {
	c, _ := rogue(t, func(http.ResponseWriter, *http.Request) {})
	_, err := c.Report(t.Context(), "127.0.0.1:1", "", 0)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("error %v", err)
	}
}
