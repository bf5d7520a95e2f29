// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// gossipAt listens where a member's gossip would, and fails the test where that
// cannot be.
func gossipAt(t *testing.T, ip string) {
	t.Helper()
	var config net.ListenConfig
	lis, err := config.Listen(t.Context(), "tcp", net.JoinHostPort(ip, "8301"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lis.Close() })
}

// joins returns what the server was told to join.
func joins(f *fake) (out []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, call := range f.calls {
		if address, ok := strings.CutPrefix(call, "/v1/agent/join/"); ok {
			out = append(out, address)
		}
	}
	return out
}

// The leader's agent has its server join those that gossip has given up and that
// answer, and nobody else.
func TestWhoIsThereAgainIsJoined(t *testing.T) {
	for _, ip := range []string{"127.77.0.1", "127.77.0.3", "127.77.0.4"} {
		gossipAt(t, ip)
	}
	f, l := newFake(t)
	joined := make(chan struct{}, 10)
	f.onCall = func(call string) {
		if strings.HasPrefix(call, "/v1/agent/join/") {
			joined <- struct{}{}
		}
	}
	f.answers["/v1/agent/join/127.77.0.1:8301"] = "null"
	f.answers["/v1/operator/autopilot/health"] = func(w http.ResponseWriter) {
		_, _ = fmt.Fprint(w, `{"Servers":[
			{"ID":"id-1","Address":"127.77.0.1:8300","SerfStatus":"failed"},
			{"ID":"id-2","Address":"127.77.0.2:8300","SerfStatus":"failed"},
			{"ID":"id-3","Address":"127.77.0.3:8300","SerfStatus":"alive"},
			{"ID":"id-4","Address":"127.77.0.4:8300","SerfStatus":"left"},
			{"ID":"id-5","Address":"","SerfStatus":"failed"}]}`)
	}
	if _, err := l.Observe(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-joined
	if got := joins(f); !slices.Equal(got, []string{"127.77.0.1:8301"}) {
		t.Errorf("joined %v", got)
	}
	l.mu.Lock()
	if tried := slices.Sorted(maps.Keys(l.knocks)); !slices.Equal(tried, []string{"127.77.0.1", "127.77.0.2"}) {
		t.Errorf("tried %v", tried)
	}
	l.mu.Unlock()

	f.mu.Lock()
	f.answers["/v1/agent/self"] = selfJSON("id-0", "Follower", 4, 7, 90)
	f.answers["/v1/status/leader"] = `"10.96.0.11:8300"`
	f.calls = nil
	f.mu.Unlock()
	if _, err := l.Observe(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.Contains(f.calls, "/v1/operator/autopilot/health") {
		t.Error("one that does not lead looks for others")
	}
}

// One address is tried by one at a time, and not at once again.
func TestKnocksAreApart(t *testing.T) {
	_, l := newFake(t)
	now := time.Now()
	if !l.mayKnock("a", now) || l.mayKnock("a", now.Add(time.Second)) || !l.mayKnock("b", now) {
		t.Error("an address is tried by two, or one holds up another")
	}
	if !l.mayKnock("a", now.Add(knockTime+joinTime)) {
		t.Error("a try that never ended is the last")
	}
}
