// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/agent/board"
	"github.com/quorate/quorate/internal/agent/client"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
)

func TestALongPollEndsWhenTheReportChanges(t *testing.T) {
	s := newSet(t)
	a := serve(t, s)
	c := s.client(s.manager())
	first, err := c.Report(t.Context(), a.address, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if first.Report.Member != "db-0" || first.Revision == "" {
		t.Fatalf("reply %+v", first)
	}
	type outcome struct {
		reply protocol.ReportReply
		err   error
	}
	got := make(chan outcome, 1)
	go func() {
		reply, err := c.Report(t.Context(), a.address, first.Revision, time.Minute)
		got <- outcome{reply, err}
	}()
	select {
	case o := <-got:
		t.Fatalf("the long poll ended though nothing changed: %+v", o)
	case <-time.After(200 * time.Millisecond):
	}
	if err := a.Update(func(d *board.Draft) { d.Server.Leader = true }); err != nil {
		t.Fatal(err)
	}
	select {
	case o := <-got:
		if o.err != nil || !o.reply.Report.Server.Leader || o.reply.Revision == first.Revision {
			t.Errorf("outcome %+v", o)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the long poll was not woken")
	}
}

func TestALongPollEndsWithItsWait(t *testing.T) {
	s := newSet(t)
	a := serve(t, s)
	c := s.client(s.manager())
	first, err := c.Report(t.Context(), a.address, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	again, err := c.Report(t.Context(), a.address, first.Revision, time.Second)
	if err != nil || again.Revision != first.Revision {
		t.Errorf("reply %+v, %v", again, err)
	}
	if took := time.Since(start); took < 900*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
	if a.looks != 1 {
		t.Errorf("looked at the server %d times for a first call and a long poll", a.looks)
	}
	other, err := c.Report(t.Context(), a.address, "another process.1", time.Minute)
	if err != nil || other.Revision != first.Revision {
		t.Errorf("reply %+v, %v", other, err)
	}
}

func TestALongPollDoesNotHoldUpTheEnd(t *testing.T) {
	s := newSet(t)
	a := serve(t, s)
	c := s.client(s.manager())
	first, err := c.Report(t.Context(), a.address, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() {
		_, err := c.Report(t.Context(), a.address, first.Revision, time.Minute)
		got <- err
	}()
	time.Sleep(100 * time.Millisecond) // the call has to be under way
	a.stop()
	select {
	case err := <-got:
		if err != nil {
			t.Errorf("the long poll was cut off rather than answered: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the long poll goes on")
	}
}

func TestWhoMayCall(t *testing.T) {
	s, other := newSet(t), newSet(t)
	a := serve(t, s)
	pair := other.manager()
	strange, err := client.Identity(s.authority.Certificate, pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	old := strange.Clone()
	manager := s.manager()
	key, err := tls.X509KeyPair(manager.Certificate, manager.Key)
	if err != nil {
		t.Fatal(err)
	}
	old.Certificates, old.MinVersion, old.MaxVersion = []tls.Certificate{key}, tls.VersionTLS12, tls.VersionTLS12
	nobody := strange.Clone()
	nobody.Certificates = nil
	for name, c := range map[string]*client.Client{
		"a member":                s.client(s.member()),
		"another set's manager":   client.New(nil, strange),
		"nobody":                  client.New(nil, nobody),
		"the manager, by TLS 1.2": client.New(nil, old),
		"one who trusts another":  other.client(other.manager()),
	} {
		if reply, err := c.Report(t.Context(), a.address, "", 0); err == nil {
			t.Errorf("%s got the report %+v", name, reply)
		}
		if err := c.Act(t.Context(), a.address, protocol.ActionRequest{ID: "x"}); err == nil {
			t.Errorf("%s was let act", name)
		}
	}
	if len(a.accepted) > 0 {
		t.Errorf("accepted %+v", a.accepted)
	}
	if _, err := s.client(manager).Report(t.Context(), a.address, "", 0); err != nil {
		t.Errorf("the manager: %v", err)
	}
}

func TestCertificatesAreReadAnew(t *testing.T) {
	s := newSet(t)
	a := serve(t, s)
	before := s.client(s.manager())
	if _, err := before.Report(t.Context(), a.address, "", 0); err != nil {
		t.Fatal(err)
	}
	next := newSet(t)
	next.mount(a.secrets, next.member())
	if _, err := next.client(next.manager()).Report(t.Context(), a.address, "", 0); err != nil {
		t.Errorf("the new authority's manager: %v", err)
	}
	if _, err := s.client(s.manager()).Report(t.Context(), a.address, "", 0); err == nil {
		t.Error("the old authority's manager is still let in by a new connection")
	}
	// While what is mounted is of no use, the last that was stands.
	broken := newSet(t)
	broken.authority.Certificate = []byte("nothing")
	broken.mount(a.secrets, broken.member())
	if _, err := next.client(next.manager()).Report(t.Context(), a.address, "", 0); err != nil {
		t.Errorf("the last good authority's manager: %v", err)
	}
}

func TestActions(t *testing.T) {
	s := newSet(t)
	a := serve(t, s)
	c := s.client(s.manager())
	request := protocol.ActionRequest{ID: "x", Epoch: 3, PodUID: "p", ClusterID: "c", Step: &engine.Step{
		Kind: engine.StepBootstrap, Member: "db-0", Credentials: map[string]string{"token": "secret"},
	}}
	if err := c.Act(t.Context(), a.address, request); err != nil {
		t.Fatal(err)
	}
	if len(a.accepted) != 1 || a.accepted[0].ID != "x" || a.accepted[0].Step.Credentials["token"] != "secret" {
		t.Errorf("accepted %+v", a.accepted)
	}
	a.refusal = &protocol.Refusal{Reason: protocol.RefusedStale, Message: "too old"}
	err := c.Act(t.Context(), a.address, request)
	var refused *client.RefusedError
	if !errors.As(err, &refused) || refused.Reason != protocol.RefusedStale || refused.Message != "too old" {
		t.Errorf("error %v", err)
	}
}

// raw posts a body as the manager.
func raw(t *testing.T, s set, a *agent, body []byte) (*http.Response, error) {
	t.Helper()
	pair := s.manager()
	identity, err := client.Identity(s.authority.Certificate, pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: identity}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+a.address+protocol.ActionPath, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return (&http.Client{Transport: transport}).Do(request)
}

func TestABodyThatIsNoAction(t *testing.T) {
	s := newSet(t)
	a := serve(t, s)
	padded := func(n int) []byte {
		return fmt.Appendf(nil, `{"id":"x","unknown":"%s"}`, strings.Repeat("x", n))
	}
	for _, c := range []struct {
		name string
		body []byte
		want int
	}{
		{"unknown fields of a newer manager", padded(10), http.StatusAccepted},
		{"just short enough", padded(protocol.MaxActionBytes - 30), http.StatusAccepted},
		{"too long", padded(protocol.MaxActionBytes), http.StatusBadRequest},
		{"not JSON", []byte("secret"), http.StatusBadRequest},
		{"nothing", nil, http.StatusBadRequest},
		{"of another kind", []byte(`{"id":["secret"]}`), http.StatusBadRequest},
	} {
		response, err := raw(t, s, a, c.body)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var text bytes.Buffer
		_, _ = text.ReadFrom(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d", c.name, response.StatusCode, c.want)
		}
		if strings.Contains(text.String(), "secret") {
			t.Errorf("%s: the answer repeats what was sent: %s", c.name, text.String())
		}
	}
	if err := s.client(s.manager()).Act(t.Context(), a.address, protocol.ActionRequest{ID: strings.Repeat("x", protocol.MaxActionBytes)}); err == nil {
		t.Error("the client sends an action that is too long")
	}
	if len(a.accepted) != 2 {
		t.Errorf("accepted %d actions", len(a.accepted))
	}
}

// As many files as a ConfigMap holds fit into an action, whatever is in them.
func TestTheFilesOfAReloadFit(t *testing.T) {
	s := newSet(t)
	a := serve(t, s)
	for _, content := range []string{"x", "\"", "<", "\n", "é"} {
		a.accepted = nil
		files := map[string]string{"server.json": strings.Repeat(content, (1<<20)/len(content))}
		err := s.client(s.manager()).Act(t.Context(), a.address, protocol.ActionRequest{ID: "x", Step: &engine.Step{Kind: engine.StepReload, Params: files}})
		if err != nil || len(a.accepted) != 1 || a.accepted[0].Step.Params["server.json"] != files["server.json"] {
			t.Errorf("%q: %d arrived, %v", content, len(a.accepted), err)
		}
	}
}

func TestOtherCallsAreRefused(t *testing.T) {
	s := newSet(t)
	a := serve(t, s)
	pair := s.manager()
	identity, err := client.Identity(s.authority.Certificate, pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: identity}}
	defer c.CloseIdleConnections()
	for _, call := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, protocol.ReportPath, http.StatusOK},
		{http.MethodPost, protocol.ReportPath, http.StatusMethodNotAllowed},
		{http.MethodGet, protocol.ActionPath, http.StatusMethodNotAllowed},
		{http.MethodDelete, protocol.ActionPath, http.StatusMethodNotAllowed},
		{http.MethodPost, protocol.DrainPath, http.StatusNotFound},
		{http.MethodGet, protocol.ReadyPath, http.StatusNotFound},
		{http.MethodGet, protocol.ReportPath + "?wait=x", http.StatusBadRequest},
		{http.MethodGet, protocol.ReportPath + "?wait=-1", http.StatusBadRequest},
	} {
		if got := status(t, c, call.method, "https://"+a.address+call.path); got != call.want {
			t.Errorf("%s %s: %d, want %d", call.method, call.path, got, call.want)
		}
	}
}

func TestConnectionsAreKept(t *testing.T) {
	s := newSet(t)
	a := serve(t, s)
	c := s.client(s.manager())
	for i := range 20 {
		if _, err := c.Report(t.Context(), a.address, "", 0); err != nil {
			t.Fatal(err)
		}
		if err := c.Act(t.Context(), a.address, protocol.ActionRequest{ID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	// Only new connections are affected by a certificate that cannot serve.
	s.mount(a.secrets, s.manager())
	if _, err := c.Report(t.Context(), a.address, "", 0); err != nil {
		t.Errorf("a kept connection was not used: %v", err)
	}
	if _, err := s.client(s.manager()).Report(t.Context(), a.address, "", 0); err == nil {
		t.Error("a server that shows the manager's certificate is trusted")
	}
}
