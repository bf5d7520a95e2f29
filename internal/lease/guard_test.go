// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// server answers everything with a code, after a while.
type server struct {
	code  int
	takes func()
}

func (s *server) RoundTrip(*http.Request) (*http.Response, error) {
	if s.takes != nil {
		s.takes()
	}
	return &http.Response{StatusCode: s.code, Body: http.NoBody}, nil
}

// body notes that it is closed.
type body struct {
	*strings.Reader
	closed bool
}

func (b *body) Close() error { b.closed = true; return nil }

const (
	leases = "/apis/coordination.k8s.io/v1/namespaces/quorate-system/leases/quorate.dev"
	pods   = "/api/v1/namespaces/x/pods/db-0"
)

func TestNothingIsWrittenOnAnOldLease(t *testing.T) {
	now := time.Now()
	g, s := NewGuard(10*time.Second), &server{code: 200}
	g.now = func() moment { return moment{now, now} }
	line := g.Wrap(s)
	send := func(method, path string) error {
		b := &body{Reader: strings.NewReader("x")}
		r, err := http.NewRequestWithContext(t.Context(), method, "http://x"+path, b)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := line.RoundTrip(r)
		if err == nil {
			return answer.Body.Close()
		}
		if !b.closed {
			t.Error("the body of a request that is not sent stays open")
		}
		return err
	}
	expect := func(when, method, path string, want error) {
		t.Helper()
		if err := send(method, path); !errors.Is(err, want) {
			t.Errorf("%s, %s %s: %v, want %v", when, method, path, err, want)
		}
	}
	expect("before the first lease", "DELETE", pods, ErrLapsed)
	expect("before the first lease", "GET", pods, nil)
	for _, path := range []string{
		"/api/v1/namespaces/x/events", "/apis/events.k8s.io/v1/namespaces/x/events/y",
		"/apis/authentication.k8s.io/v1/tokenreviews", "/apis/authorization.k8s.io/v1/subjectaccessreviews",
	} {
		expect("before the first lease", "POST", path, nil)
	}
	s.code = 409
	expect("with a lease that another has", "PUT", leases, nil)
	expect("with a lease that another has", "DELETE", pods, ErrLapsed)
	s.code = 200
	s.takes = func() { now = now.Add(4 * time.Second) }
	expect("renewing for four seconds", "PUT", leases, nil)
	s.takes = nil
	now = now.Add(6*time.Second - time.Nanosecond)
	expect("in time", "DELETE", pods, nil)
	now = now.Add(time.Nanosecond)
	expect("ten seconds after the renewal was sent", "DELETE", pods, ErrLapsed)
	expect("again", "PUT", leases, nil)
	expect("again", "DELETE", pods, nil)
}

func TestOnlyWhatChangesNothingIsFree(t *testing.T) {
	for path, want := range map[string]bool{
		"/api/v1/namespaces/x/events":                                                 true,
		"/api/v1/namespaces/x/events/y":                                               true,
		"/api/v1/namespaces/events/events":                                            true,
		"/api/v1/events":                                                              true,
		"/apis/events.k8s.io/v1/namespaces/events/events/events":                      true,
		"/apis/authentication.k8s.io/v1/tokenreviews":                                 true,
		"/api/v1/namespaces/events":                                                   false,
		"/api/v1/namespaces/events/status":                                            false,
		"/api/v1/namespaces/events/pods/events":                                       false,
		"/api/v1/namespaces/events/pods/events/status":                                false,
		"/api/v1/namespaces/x/services/events":                                        false,
		"/api/v1/namespaces/x/pods/events/eviction":                                   false,
		"/api/v1/nodes/events":                                                        false,
		"/api/v1/namespaces/namespaces/events/events":                                 true,
		"/api/v1/namespaces/namespaces/pods/events":                                   false,
		"/apis/apps/v1/namespaces/events/statefulsets/events":                         false,
		"/apis/apps/v1/namespaces/x/events":                                           false,
		"/apis/quorate.dev/v1alpha1/namespaces/events/datastores/events":              false,
		"/apis/quorate.dev/v1alpha1/namespaces/x/datastores/events/status":            false,
		"/apis/policy/v1/namespaces/events/poddisruptionbudgets/events":               false,
		"/apis/discovery.k8s.io/v1/namespaces/events/endpointslices/events/v1/events": false,
		"/api":        false,
		"":            false,
		"/events":     false,
		"/api/events": false,
	} {
		if got := free(path); got != want {
			t.Errorf("%s is free: %v, want %v", path, got, want)
		}
	}
}

// The steady clock of a machine that slept has not moved.
func TestTheWallClockCountsToo(t *testing.T) {
	g, begin := NewGuard(10*time.Second), time.Now()
	slept := time.Duration(0)
	g.now = func() moment { return moment{begin, begin.Add(slept)} }
	g.renew(g.now())
	if !g.holds() {
		t.Error("a lease that was renewed now is not held")
	}
	if slept = time.Minute; g.holds() {
		t.Error("a lease is held after a minute's sleep")
	}
}
