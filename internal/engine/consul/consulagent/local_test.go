// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

// fake answers like a server, by path; a value that is a number is a status.
type fake struct {
	mu      sync.Mutex
	answers map[string]any
	calls   []string
	tokens  []string
	onCall  func(path string)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	call := r.URL.Path
	for _, mode := range []string{"stale", "consistent"} {
		if r.URL.Query().Has(mode) {
			call += "?" + mode
		}
	}
	f.calls = append(f.calls, call)
	f.tokens = append(f.tokens, r.Header.Get("X-Consul-Token"))
	if f.onCall != nil {
		f.onCall(call)
	}
	switch answer := f.answers[r.URL.Path].(type) {
	case nil:
		http.NotFound(w, r)
	case int:
		http.Error(w, "refused", answer)
	case func(http.ResponseWriter):
		answer(w)
	default:
		_, _ = fmt.Fprint(w, answer)
	}
}

func selfJSON(id, state string, term, config, commit int) string {
	return fmt.Sprintf(`{"Config":{"NodeID":%q,"Version":"1.22.3"},"Stats":{"raft":{"state":%q,"term":"%d",
		"latest_configuration_index":"%d","commit_index":"%d","last_log_index":"90","applied_index":"90"}}}`, id, state, term, config, commit)
}

const twoServers = `{"Servers":[
	{"ID":"id-0","Node":"db-0","Address":"10.96.0.10:8300","Leader":true,"Voter":true},
	{"ID":"id-1","Node":"(unknown)","Address":"10.96.0.11:8300","Leader":false,"Voter":true},
	{"ID":"id-2","Node":"db-2","Address":"10.96.0.12:8300","Leader":false,"Voter":false}],"Index":7}`

// newFake is a leader db-0 of two voters and one that does not vote, and the
// agent's half beside it.
func newFake(t *testing.T) (*fake, *local) {
	t.Helper()
	f := &fake{answers: map[string]any{
		"/v1/status/leader":               `"10.96.0.10:8300"`,
		"/v1/status/peers":                `["10.96.0.10:8300","10.96.0.11:8300","10.96.0.12:8300"]`,
		"/v1/agent/self":                  selfJSON("id-0", "Leader", 4, 7, 90),
		"/v1/operator/raft/configuration": twoServers,
		"/v1/operator/autopilot/health": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = fmt.Fprint(w, `{"Healthy":false,"FailureTolerance":0,"Servers":[
				{"ID":"id-0","Name":"db-0","SerfStatus":"alive","Version":"1.22.3","Healthy":true},
				{"ID":"id-1","Name":"db-1","SerfStatus":"failed","Version":"1.22.3","Healthy":true},
				{"ID":"id-2","Name":"db-2","SerfStatus":"alive","Version":"1.22.3","Healthy":false}]}`)
		},
		"/v1/operator/autopilot/configuration": `{"CleanupDeadServers":false,"MinQuorum":2}`,
		"/v1/acl/token/self":                   `{"AccessorID":"a"}`,
	}}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(consul.MemberFile, `{"advertise_addr":"10.96.0.10"}`)
	write("node-id", "id-0\n")
	write(consul.CredentialAgent, "token")
	return f, newLocal(engine.LocalConfig{Member: "db-0", ConfigDir: dir, DataDir: dir, SecretDir: dir}, srv.URL)
}

func observe(t *testing.T, l *local) engine.Server {
	t.Helper()
	got, err := l.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestObserveLeader(t *testing.T) {
	_, l := newFake(t)
	want := engine.Server{
		Running: true, Serving: true, Formed: true, Leader: true, Role: "leader", ID: "id-0", Version: "1.22.3", Term: 4,
		Facts: map[string]string{consul.FactACL: consul.ACLReady, consul.FactQuorum: "2", consul.FactCleanup: "false"},
		View: &engine.View{Peers: []engine.Peer{
			{ID: "id-0", Name: "db-0", Address: "10.96.0.10:8300", Version: "1.22.3", Voter: true, Leader: true, Healthy: true},
			{ID: "id-1", Name: "db-1", Address: "10.96.0.11:8300", Version: "1.22.3", Voter: true},
			{ID: "id-2", Name: "db-2", Address: "10.96.0.12:8300", Version: "1.22.3"},
		}},
	}
	if diff := cmp.Diff(want, observe(t, l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A view counts only where a read that needed a quorum came after it, in the
// same term, with the configuration committed.
func TestObserveDeposedLeader(t *testing.T) {
	for name, change := range map[string]func(*fake){
		"no quorum": func(f *fake) { f.answers["/v1/acl/token/self"] = 500 },
		"no health": func(f *fake) { f.answers["/v1/operator/autopilot/health"] = 500 },
		"a later term": func(f *fake) {
			f.onCall = func(path string) {
				if path == "/v1/acl/token/self?consistent" {
					f.answers["/v1/agent/self"] = selfJSON("id-0", "Leader", 5, 7, 90)
				}
			}
		},
		"another leader": func(f *fake) {
			f.onCall = func(path string) {
				if path == "/v1/acl/token/self?consistent" {
					f.answers["/v1/agent/self"] = selfJSON("id-0", "Follower", 4, 7, 90)
				}
			}
		},
		"not committed": func(f *fake) { f.answers["/v1/agent/self"] = selfJSON("id-0", "Leader", 4, 91, 90) },
		"another configuration": func(f *fake) {
			f.onCall = func(path string) {
				if path == "/v1/acl/token/self?consistent" {
					f.answers["/v1/agent/self"] = selfJSON("id-0", "Leader", 4, 8, 90)
				}
			}
		},
	} {
		f, l := newFake(t)
		change(f)
		if got := observe(t, l); got.View != nil || got.Serving || !got.Leader {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestObserveFollower(t *testing.T) {
	f, l := newFake(t)
	f.answers["/v1/status/leader"] = `"10.96.0.11:8300"`
	f.answers["/v1/agent/self"] = selfJSON("id-0", "Follower", 4, 7, 90)
	got := observe(t, l)
	if !got.Serving || got.Leader || got.View != nil || got.Role != "follower" || got.Term != 4 {
		t.Errorf("got %+v", got)
	}
	for _, call := range f.calls { // the leader is not bothered
		if !strings.HasPrefix(call, "/v1/status/") && call != "/v1/agent/self" && call != "/v1/operator/raft/configuration?stale" {
			t.Errorf("a follower makes the call %s", call)
		}
	}
	f.answers["/v1/status/leader"] = `""`
	if got := observe(t, l); got.Serving || !got.Running {
		t.Errorf("without a leader: %+v", got)
	}
	f.answers["/v1/agent/self"] = selfJSON("id-2", "Follower", 4, 7, 90)
	f.answers["/v1/status/leader"] = `"10.96.0.11:8300"`
	if got := observe(t, l); got.Serving || got.Role != "nonvoter" {
		t.Errorf("without a vote: %+v", got)
	}
}

// A joiner becomes ready once it has caught up, and then stays so.
func TestObserveCatchesUp(t *testing.T) {
	f, l := newFake(t)
	f.answers["/v1/status/leader"] = `"10.96.0.11:8300"`
	behind := strings.Replace(selfJSON("id-0", "Follower", 4, 7, 90), `"last_log_index":"90"`, `"last_log_index":"900"`, 1)
	for _, c := range []struct {
		self    string
		serving bool
	}{{behind, false}, {selfJSON("id-0", "Follower", 4, 7, 90), true}, {behind, true}} {
		f.answers["/v1/agent/self"] = c.self
		if got := observe(t, l).Serving; got != c.serving {
			t.Errorf("serving is %v, want %v", got, c.serving)
		}
	}
	f.answers["/v1/agent/self"] = 403 // somebody removed the agents' token
	if got := observe(t, l); !got.Serving || got.Facts[consul.FactACL] != consul.ACLPending {
		t.Errorf("without the token: %+v", got)
	}
}

func TestObserveBeforeTheBootstrap(t *testing.T) {
	f, l := newFake(t)
	f.answers["/v1/agent/self"] = 403
	want := engine.Server{Running: true, Formed: true, Leader: true, ID: "id-0", Facts: map[string]string{consul.FactACL: consul.ACLPending}}
	if diff := cmp.Diff(want, observe(t, l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f.answers["/v1/status/leader"], f.answers["/v1/status/peers"], f.calls = `""`, `[]`, nil
	want = engine.Server{Running: true, ID: "id-0", Facts: map[string]string{consul.FactACL: consul.ACLPending}}
	if diff := cmp.Diff(want, observe(t, l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if slices.Contains(f.calls, "/v1/agent/self") {
		t.Error("a server that holds nothing is asked with a token, which fills its log")
	}
}

func TestObserveStopped(t *testing.T) {
	_, l := newFake(t)
	l.base = "http://127.0.0.1:1"
	if diff := cmp.Diff(engine.Server{ID: "id-0"}, observe(t, l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := l.Drain(t.Context()); err != nil {
		t.Errorf("draining a stopped server: %v", err)
	}
	if err := l.Do(t.Context(), engine.Step{Kind: engine.StepLeave, Member: "db-0", SubjectID: "id-0"}); err != nil {
		t.Errorf("a stopped server has left as far as it can: %v", err)
	}
}

func TestDoRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		step  engine.Step
		stale bool
	}{
		"another term":           {engine.Step{Kind: engine.StepConfigure, Term: 3, Params: map[string]string{consul.ParamQuorum: "2"}}, true},
		"a leave that leads":     {engine.Step{Kind: engine.StepLeave, Member: "db-0", SubjectID: "id-0"}, true},
		"a leave of another id":  {engine.Step{Kind: engine.StepLeave, Member: "db-0", SubjectID: "id-9"}, true},
		"a leave of an old term": {engine.Step{Kind: engine.StepLeave, Member: "db-0", SubjectID: "id-0", Term: 3}, true},
		"its own eviction":       {engine.Step{Kind: engine.StepEvictDead, Subject: "db-0", SubjectID: "id-0"}, false},
		"nobody's eviction":      {engine.Step{Kind: engine.StepEvictDead, Subject: "db-1"}, false},
		"a promotion":            {engine.Step{Kind: engine.StepPromote}, false},
		"no tokens":              {engine.Step{Kind: engine.StepBootstrap}, false},
		"no number":              {engine.Step{Kind: engine.StepConfigure}, false},
	} {
		_, l := newFake(t)
		err := l.Do(t.Context(), c.step)
		if err == nil || errors.Is(err, wire.ErrStale) != c.stale {
			t.Errorf("%s: got %v", name, err)
		}
	}
	f, l := newFake(t)
	f.answers["/v1/agent/self"] = selfJSON("id-0", "Follower", 4, 7, 90)
	if err := l.Do(t.Context(), engine.Step{Kind: engine.StepStepDown, Term: 4}); err != nil {
		t.Errorf("stepping down without leading: %v", err)
	}
}

func TestSuccessors(t *testing.T) {
	raft, health := &api.RaftConfiguration{}, &api.OperatorHealthReply{}
	for i, c := range []struct {
		healthy, voter bool
		index          uint64
	}{{true, true, 9}, {true, true, 5}, {true, true, 7}, {false, true, 8}, {true, false, 9}} {
		id := fmt.Sprintf("id-%d", i)
		raft.Servers = append(raft.Servers, &api.RaftServer{ID: id, Node: fmt.Sprintf("db-%d", i), Voter: c.voter, Leader: i == 0})
		health.Servers = append(health.Servers, api.ServerHealth{ID: id, SerfStatus: "alive", Healthy: c.healthy, LastIndex: c.index})
	}
	names := func(prefer ...string) (out []string) {
		for _, p := range successors(raft, health, prefer) {
			out = append(out, p.Name)
		}
		return out
	}
	if diff := cmp.Diff([]string{"db-2", "db-1", "db-3"}, names()); diff != "" {
		t.Errorf("the healthy first, then the most of the log: (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"db-1", "db-2", "db-3"}, names("db-0", "db-1", "db-3")); diff != "" {
		t.Errorf("the preferred first: (-want +got):\n%s", diff)
	}
}
