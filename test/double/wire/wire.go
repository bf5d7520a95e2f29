// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wire is what lies between one manager and the API server: it counts
// what is written, loses what it is told to lose, and delays what the manager
// gets to see.
package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// Write is one request that would change something.
type Write struct {
	// Verb is create, update, patch, apply, delete or deletecollection; of what is judged as a read it is
	// get, list or watch.
	Verb string
	// Resource is in the plural, with its subresource after a slash.
	Resource, Namespace, Name string
	// Code is the API server's answer, 0 where it got no request.
	Code int
}

// String writes it as a person would say it.
func (w Write) String() string { return fmt.Sprintf("%s %s %s", w.Verb, w.Resource, w.Name) }

// Done tells whether the API server did it.
func (w Write) Done() bool { return w.Code >= 200 && w.Code < 300 }

// Fate is what becomes of a request.
type Fate int

const (
	// Pass lets it through.
	Pass Fate = iota
	// LoseRequest has the API server never see it.
	LoseRequest
	// LoseReply has the API server do it, and the manager never hear of that.
	LoseReply
	// Conflict answers 409 in the API server's place.
	Conflict
	// Throttle answers 429.
	Throttle
	// Fail answers 500.
	Fail
)

// errLost is what a manager gets for a lost request or reply.
var errLost = errors.New("the connection was reset")

// Wire is one manager's connection. Its fields are set before it is used.
type Wire struct {
	// Judge decides on each write, in the order in which they are sent; nil
	// lets all pass. Events are not asked about.
	Judge func(w Write) Fate
	// Judged is told of each write after its fate was met; nil is told nothing.
	Judged func(w Write)
	// JudgeRead decides on each read that is not a watch; nil lets all pass.
	JudgeRead func(resource string) Fate
	// Lag is how much later than they happen a watch shows changes.
	Lag time.Duration

	cut    atomic.Bool
	mu     sync.Mutex
	writes []Write
	// excesses are the requests that no manager may send.
	excesses []string
	paused   chan struct{}
	// busy is how many requests are on their way, and idle since when none is.
	busy int
	idle time.Time
}

// Config returns a configuration that goes through the wire.
func (w *Wire) Config(base *rest.Config) *rest.Config {
	out := rest.CopyConfig(base)
	out.QPS = -1
	out.Wrap(func(next http.RoundTripper) http.RoundTripper { return &transport{wire: w, next: next} })
	return out
}

// Cut has nothing more pass.
func (w *Wire) Cut() { w.cut.Store(true) }

// Pause holds every request back, as if the manager were stopped, until it is
// resumed by the returned function.
func (w *Wire) Pause() (resume func()) {
	hold := make(chan struct{})
	w.mu.Lock()
	w.paused = hold
	w.mu.Unlock()
	return sync.OnceFunc(func() { close(hold) })
}

func (w *Wire) await(ctx context.Context) {
	w.mu.Lock()
	hold := w.paused
	w.mu.Unlock()
	if hold == nil {
		return
	}
	select {
	case <-hold:
	case <-ctx.Done():
	}
}

// Writes returns what was sent so far, without events.
func (w *Wire) Writes() []Write {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Write(nil), w.writes...)
}

// Forget empties the record.
func (w *Wire) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes = nil
}

// Quiet returns for how long the manager has asked for nothing but watches; 0
// while a request is on its way.
func (w *Wire) Quiet() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy > 0 {
		return 0
	}
	return time.Since(w.idle)
}

// begin notes a request, and returns how to note its end.
func (w *Wire) begin() (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.busy--
		w.idle = time.Now()
	}
}

func (w *Wire) record(x Write) {
	w.mu.Lock()
	w.writes = append(w.writes, x)
	w.mu.Unlock()
	if w.Judged != nil {
		w.Judged(x)
	}
}

type transport struct {
	wire *Wire
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !watches(r) {
		defer t.wire.begin()()
	}
	t.wire.await(r.Context())
	if t.wire.cut.Load() {
		return nil, errLost
	}
	if r.Method == http.MethodGet {
		return t.read(r)
	}
	x := parse(r)
	t.wire.watchOver(x)
	if strings.HasPrefix(x.Resource, "events") {
		return t.next.RoundTrip(r)
	}
	fate := Pass
	if t.wire.Judge != nil {
		fate = t.wire.Judge(x)
	}
	if fate == LoseRequest {
		t.wire.record(x)
		return nil, errLost
	}
	if fate == Conflict || fate == Throttle || fate == Fail {
		t.wire.record(x)
		return answer(r, fate), nil
	}
	response, err := t.next.RoundTrip(r)
	if err == nil {
		x.Code = response.StatusCode
	}
	t.wire.record(x)
	if err == nil && (fate == LoseReply || t.wire.cut.Load()) {
		_ = response.Body.Close() // what it says is lost anyway
		return nil, errLost
	}
	return response, err
}

func (t *transport) read(r *http.Request) (*http.Response, error) {
	x := parse(r)
	t.wire.watchOver(x)
	if !watches(r) && t.wire.JudgeRead != nil {
		if fate := t.wire.JudgeRead(x.Resource); fate != Pass {
			return answer(r, fate), nil
		}
	}
	response, err := t.next.RoundTrip(r)
	if err == nil && watches(r) && t.wire.Lag > 0 {
		response.Body = delay(response.Body, t.wire.Lag)
	}
	return response, err
}

func watches(r *http.Request) bool { return r.URL.Query().Get("watch") == "true" }

// parse reads from a request what it is about.
func parse(r *http.Request) Write {
	x := Write{}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) >= 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) >= 3 && parts[0] == "apis":
		parts = parts[3:]
	}
	if len(parts) >= 3 && parts[0] == "namespaces" {
		x.Namespace, parts = parts[1], parts[2:]
	}
	if len(parts) > 0 {
		x.Resource = parts[0]
	}
	if len(parts) > 1 {
		x.Name, _ = url.PathUnescape(parts[1])
	}
	if len(parts) > 2 {
		x.Resource += "/" + parts[2]
	}
	x.Verb = verb(r, x.Name)
	if x.Verb == "create" && !strings.Contains(x.Resource, "/") {
		x.Name = nameIn(r)
	}
	return x
}

// nameIn reads from a request the name of the object that is to be created.
func nameIn(r *http.Request) string {
	if r.GetBody == nil {
		return ""
	}
	body, err := r.GetBody()
	if err != nil {
		return ""
	}
	text, err := io.ReadAll(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return ""
	}
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(text, nil, nil)
	if err != nil {
		return ""
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		return ""
	}
	return accessor.GetName()
}

func verb(r *http.Request, name string) string {
	switch r.Method {
	case http.MethodGet:
		return reading(r, name)
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodDelete:
		if name == "" {
			return "deletecollection"
		}
		return "delete"
	}
	if strings.Contains(r.Header.Get("Content-Type"), "apply-patch") {
		return "apply"
	}
	return "patch"
}

func reading(r *http.Request, name string) string {
	switch {
	case watches(r):
		return "watch"
	case name == "":
		return "list"
	default:
		return "get"
	}
}
