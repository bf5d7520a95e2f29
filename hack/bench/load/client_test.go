// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/quorate/quorate/hack/bench/ground"
)

// servers stands for Consul: it says no the first time it sees a key of the
// given number, and remembers over which connections a key came.
type servers struct {
	mu      sync.Mutex
	refuse  string
	came    map[string][]string // connections by key
	tokens  map[string]bool
	written map[string]string
}

func (s *servers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.TrimPrefix(r.URL.Path, "/v1/kv/")
	s.came[key] = append(s.came[key], r.RemoteAddr)
	s.tokens[r.Header.Get("X-Consul-Token")] = true
	if key == s.refuse && len(s.came[key]) == 1 {
		http.Error(w, "No cluster leader", http.StatusInternalServerError)
		return
	}
	value, _ := io.ReadAll(r.Body)
	s.written[key] = string(value)
	_, _ = io.WriteString(w, "true\n")
}

func TestASecondTryGoesOverAnotherConnection(t *testing.T) {
	s := &servers{refuse: prefix + "000002", came: map[string][]string{}, tokens: map[string]bool{}, written: map[string]string{}}
	server := httptest.NewServer(s)
	defer server.Close()
	c := NewClient(ground.Direct(), server.URL, "secret", 100)
	for n := range 4 { // one after the other, so that the pooled connection is the same
		c.write(context.Background(), n)
	}
	writes := c.Writes()
	if got := Count(writes); got != (Summary{Acknowledged: 4, Retried: 1}) {
		t.Fatalf("got %+v", got)
	}
	for n, w := range writes {
		if w.Retried != (n == 2) || s.written[w.Key] != w.Value || len(w.Value) < 100 {
			t.Errorf("write %d: %+v, the server has %q", n, w, s.written[w.Key])
		}
	}
	pooled := s.came[prefix+"000000"][0]
	for n, want := range []int{1, 1, 2, 1} {
		came := s.came[fmt.Sprintf("%s%06d", prefix, n)]
		if len(came) != want || came[0] != pooled {
			t.Errorf("key %d came over %v, the pooled connection is %s", n, came, pooled)
		}
	}
	if again := s.came[s.refuse]; again[1] == pooled {
		t.Error("the second try went over the same connection")
	}
	if !s.tokens["secret"] || len(s.tokens) != 1 {
		t.Errorf("the tokens are %v", s.tokens)
	}
}

func TestAWriteThatNobodyTakesFails(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c := NewClient(ground.Direct(), server.URL, "", 0)
	c.write(context.Background(), 0)
	if got := Count(c.Writes()); got != (Summary{Failed: 1, Retried: 1}) {
		t.Errorf("got %+v", got)
	}
}
