// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package lease keeps a manager from writing on a lease that may be another's.
//
// A leader that is frozen for longer than its lease lasts, with the machine it runs on
// or by itself, finds out that it has lost it by a timer, and ends. Until the timer
// has had its turn the passes that were under way go on: with what they had read, they
// would take back what the successor has done since.
package lease

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ErrLapsed is what a write ends with that is not sent.
var ErrLapsed = errors.New("the lease was not renewed in time, so that another manager may lead by now")

// Guard sends no write unless the lease was renewed lately, counted from when the
// renewal was sent. It sees the renewals as they pass. These pass at any time:
//
//	leases                    or there would be no renewal
//	events                    they change nothing
//	token and access reviews  whoever stands by is asked for its metrics too
//
// What is not done: nothing can be said of a write that was handed to the kernel right
// before the process was frozen. Those that matter bear the resourceVersion or the UID
// of what was read. And a lease that is given back counts as renewed: the manager does
// so last, when no pass is under way any more.
type Guard struct {
	good time.Duration
	now  func() moment

	mu      sync.Mutex
	renewed moment
}

// moment is a time by two clocks: the steady one stands still while a machine sleeps,
// and the one on the wall may be set.
type moment struct{ steady, wall time.Time }

func now() moment {
	t := time.Now()
	return moment{t, t.Round(0)}
}

// NewGuard returns one by which a renewal is good for so long, which has to be less
// than the lease lasts by what a request may take.
func NewGuard(good time.Duration) *Guard { return &Guard{good: good, now: now} }

// Wrap puts the guard before a transport.
func (g *Guard) Wrap(next http.RoundTripper) http.RoundTripper { return &guarded{g, next} }

type guarded struct {
	*Guard
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (g *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return g.next.RoundTrip(r) //nolint:wrapcheck // as a transport does
	}
	renews := strings.HasPrefix(r.URL.Path, "/apis/coordination.k8s.io/")
	if !renews && !free(r.URL.Path) && !g.holds() {
		if r.Body != nil {
			_ = r.Body.Close() // nothing of it was read
		}
		return nil, ErrLapsed
	}
	sent := g.now()
	answer, err := g.next.RoundTrip(r)
	if renews && err == nil && answer.StatusCode < http.StatusMultipleChoices {
		g.renew(sent)
	}
	return answer, err //nolint:wrapcheck // as a transport does
}

// free tells whether a path is for whoever has no lease either. That a namespace or an
// object is named like one of these is nothing.
func free(path string) bool {
	for _, group := range []string{"/apis/events.k8s.io/", "/apis/authentication.k8s.io/", "/apis/authorization.k8s.io/"} {
		if strings.HasPrefix(path, group) {
			return true
		}
	}
	return coreResource(path) == "events"
}

// coreResource is the resource that a path of the core group is about: the segment after
// the version, or after the namespace; empty for another group.
func coreResource(path string) string {
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	switch {
	case len(segments) < 3 || segments[0] != "api":
		return ""
	case segments[2] == "namespaces" && len(segments) > 4:
		return segments[4]
	}
	return segments[2]
}

func (g *Guard) renew(sent moment) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if sent.steady.After(g.renewed.steady) {
		g.renewed = sent
	}
}

// holds asks both clocks. A wall clock that is set forward costs a pause until the next
// renewal.
func (g *Guard) holds() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	return !g.renewed.steady.IsZero() && now.steady.Sub(g.renewed.steady) < g.good && now.wall.Sub(g.renewed.wall) < g.good
}
