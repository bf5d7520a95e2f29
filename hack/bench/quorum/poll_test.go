// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/hack/bench/ground"
)

// server stands for Consul: it says who leads, and counts what it is asked.
type server struct {
	leader string

	mu    sync.Mutex
	asked map[string]int
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[r.URL.Path]++
	switch r.URL.Path {
	case "/v1/status/leader":
		_, _ = io.WriteString(w, `"`+s.leader+`"`)
	case "/v1/agent/self":
		_, _ = io.WriteString(w, `{"Config":{"NodeID":"id-1"},"DebugConfig":{"Logging":{"LogLevel":"WARN"}}}`)
	case "/v1/operator/raft/configuration":
		_, _ = io.WriteString(w, `{"Servers":[{"ID":"id-1","Node":"consul-1","Address":"10.96.0.1:8300","Leader":true,"Voter":true}]}`)
	case "/v1/operator/autopilot/health":
		w.WriteHeader(http.StatusTooManyRequests) // as where not all is well
		_, _ = io.WriteString(w, `{"Healthy":false,"Servers":[{"ID":"id-1","Name":"consul-1","Version":"1.22.3","Healthy":true,"Voter":true},{"ID":"id-2"}]}`)
	}
}

func TestOnlyTheLeaderIsAskedForTheOthers(t *testing.T) {
	s := &server{leader: "10.96.0.1:8300", asked: map[string]int{}}
	here := httptest.NewServer(s)
	defer here.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	p := &Poller{Prober: NewConsul(ground.Direct(), "")}
	leads := Member{Name: "consul-1", URL: here.URL, Container: "c1", Addresses: []string{"10.96.0.1"}, Running: true}
	follows := Member{Name: "consul-2", URL: here.URL, Container: "c2", Addresses: []string{"10.96.0.2"}, Running: true}
	dead := Member{Name: "consul-3", URL: gone.URL, Container: "c3", Addresses: []string{"10.96.0.3"}}
	unborn := Member{Name: "consul-4"}

	p.look(context.Background(), time.Unix(20, 0), []Member{follows, dead, unborn})
	if last := p.Last(); last.Peers != nil || last.Health != nil || !last.Answers["consul-2"].Alive || last.Answers["consul-3"].Alive {
		t.Errorf("without a leader it saw %+v", last)
	}
	if n := s.asked["/v1/operator/raft/configuration"]; n != 0 {
		t.Errorf("one that follows was asked %d times for the others", n)
	}
	p.look(context.Background(), time.Unix(30, 0), []Member{leads, follows})
	p.look(context.Background(), time.Unix(10, 0), []Member{leads})
	last := p.Last()
	if !last.At.Equal(time.Unix(30, 0)) || len(p.Samples()) != 3 || !p.Samples()[0].At.Equal(time.Unix(10, 0)) {
		t.Error("what was seen is not in order")
	}
	lead, ok := last.Leader()
	if !ok || lead.Name != "consul-1" || len(last.Health) != 2 || !last.Health[0].Healthy || last.Health[0].Version != "1.22.3" {
		t.Errorf("with a leader it saw %+v", last)
	}
	if last.IDs["consul-1"] != "id-1" || s.asked["/v1/agent/self"] != 2 {
		t.Errorf("the identities are %v, asked for %d times; want once a container", last.IDs, s.asked["/v1/agent/self"])
	}
}
