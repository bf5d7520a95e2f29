// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

// newOpenFake is a follower db-0 that was taken over, of a set without access control
// which db-1 leads, and db-2 is at the address of its pod.
func newOpenFake(t *testing.T) (*fake, *local) {
	t.Helper()
	f, l := newFake(t)
	delete(f.answers, "/v1/acl/token/self")
	f.answers["/v1/status/leader"] = `"10.96.0.11:8300"`
	f.answers["/v1/agent/self"] = selfJSON("id-0", "Follower", 4, 7, 90)
	f.answers["/v1/operator/raft/configuration"] = `{"Servers":[
		{"ID":"id-0","Node":"(unknown)","Address":"10.96.0.10:8300","Voter":true},
		{"ID":"id-1","Node":"db-1","Address":"10.96.0.11:8300","Leader":true,"Voter":true},
		{"ID":"id-2","Node":"db-2","Address":"10.1.0.12:8300","Voter":true}],"Index":7}`
	f.answers["/v1/operator/autopilot/health"] = `{"Healthy":true,"FailureTolerance":1,"Servers":[
		{"ID":"id-0","SerfStatus":"alive","Healthy":true,"Version":"1.22.3"},{"ID":"id-1","SerfStatus":"alive","Healthy":true},{"ID":"id-2","SerfStatus":"alive","Healthy":true}]}`
	f.answers["/v1/operator/autopilot/configuration"] = `{"CleanupDeadServers":true}`
	f.answers["/v1/agent/members"] = members("10.96.0.11", "10.1.0.12")
	if err := os.WriteFile(filepath.Join(l.config.ConfigDir, consul.ServerFile), []byte(`{"acl":{"enabled":false}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.config.SecretDir, consul.CredentialGossip), []byte("a key that is mounted"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Release(engine.Marker{Grant: engine.Grant{Kind: engine.GrantAdopt}, Formed: true}); err != nil {
		t.Fatal(err)
	}
	return f, l
}

// members is what gossip has of three servers, of which the first is this one.
func members(one, two string) string {
	var all []string
	for i, address := range []string{"10.96.0.10", one, two} {
		n := string(rune('0' + i))
		all = append(all, `{"Name":"db-`+n+`","Addr":"`+address+`","Status":1,"Tags":{"role":"consul","id":"id-`+n+`","port":"8300"}}`)
	}
	return `[` + strings.Join(all, ",") + `,{"Name":"client","Addr":"10.1.0.9","Status":1,"Tags":{"role":"node","id":"c"}}]`
}

// TestAnOpenServerIsAskedWithoutAToken: neither a token nor a key goes to a server that
// knows none, and that it leads is confirmed without either.
func TestAnOpenServerIsAskedWithoutAToken(t *testing.T) {
	f, l := newOpenFake(t)
	f.answers["/v1/status/leader"] = `"10.96.0.10:8300"`
	f.answers["/v1/agent/self"] = selfJSON("id-0", "Leader", 4, 7, 90)
	got := observe(t, l)
	if got.View == nil || !got.Serving || got.Facts[consul.FactACL] != consul.ACLOpen {
		t.Errorf("got %+v", got)
	}
	if !slices.Contains(f.calls, "/v1/kv/"+anyKey+"?consistent") || slices.Contains(f.calls, "/v1/acl/token/self?consistent") {
		t.Errorf("it was confirmed by %q", f.calls)
	}
	if slices.ContainsFunc(f.tokens, func(token string) bool { return token != "" }) {
		t.Errorf("tokens were sent: %q", f.tokens)
	}
	if _, err := os.Stat(l.keys.Path()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was given keys: %v", err)
	}
	f.answers["/v1/kv/"+anyKey] = 500
	if got := observe(t, l); got.View != nil || got.Serving {
		t.Errorf("without a quorum: %+v", got)
	}
}

// TestWhatOneThatWasTakenOverSees holds how it finds the others, by whose word.
func TestWhatOneThatWasTakenOverSees(t *testing.T) {
	f, l := newOpenFake(t)
	got := observe(t, l)
	want := &engine.View{Tolerance: 1, Peers: []engine.Peer{
		{ID: "id-0", Name: "db-0", Address: "10.96.0.10:8300", Version: "1.22.3", Voter: true, Healthy: true},
		{ID: "id-1", Name: "db-1", Address: "10.96.0.11:8300", Voter: true, Leader: true, Healthy: true},
		{ID: "id-2", Name: "db-2", Address: "10.1.0.12:8300", Voter: true, Healthy: true},
	}}
	if diff := cmp.Diff(want, got.Seen); diff != "" || !got.Serving || got.Facts[consul.FactCleanup] != "true" {
		t.Errorf("facts %v, serving %v (-want +got):\n%s", got.Facts, got.Serving, diff)
	}
	sick := func(i int) bool { v := observe(t, l).Seen; return v != nil && !v.Peers[i].Healthy }
	f.answers["/v1/agent/members"] = members("10.96.0.11", "10.96.0.12")
	if !sick(2) {
		t.Error("one counts as healthy whom Raft knows by another address than gossip")
	}
	f.answers["/v1/agent/members"] = strings.Replace(members("10.96.0.11", "10.1.0.12"), `"Status":1,"Tags":{"role":"consul","id":"id-2"`, `"Status":4,"Tags":{"role":"consul","id":"id-2"`, 1)
	if !sick(2) {
		t.Error("one counts as healthy whom gossip has given up")
	}
	f.answers["/v1/agent/members"] = members("10.96.0.11", "10.1.0.12")
	f.answers["/v1/operator/autopilot/health"] = 500
	if v := observe(t, l).Seen; v != nil {
		t.Errorf("without the leader's word it sees %+v", v)
	}
	if err := l.Release(engine.Marker{Grant: engine.Grant{Kind: engine.GrantJoin}}); err != nil {
		t.Fatal(err)
	}
	f.answers["/v1/operator/autopilot/health"] = `{"Servers":[]}`
	if v := observe(t, l).Seen; v != nil {
		t.Errorf("one that joined sees %+v", v)
	}
}

// TestOneThatMovedLooksForTheOthers: as long as nobody got in touch with it, or Raft
// knows it by its former address, it has its server join the others.
func TestOneThatMovedLooksForTheOthers(t *testing.T) {
	for name, change := range map[string]func(*fake){
		"nobody got in touch": func(f *fake) {
			f.answers["/v1/status/leader"] = `""`
			f.answers["/v1/agent/self"] = strings.Replace(selfJSON("id-0", "Follower", 4, 7, 90), `"term"`, `"last_contact":"never","term"`, 1)
			f.answers["/v1/operator/raft/configuration"] = 500
		},
		"Raft knows it elsewhere": func(f *fake) {
			f.answers["/v1/operator/raft/configuration"] = strings.Replace(f.answers["/v1/operator/raft/configuration"].(string), "10.96.0.10", "10.1.0.10", 1)
		},
		"": func(*fake) {},
	} {
		f, l := newOpenFake(t)
		change(f)
		observe(t, l)
		l.mu.Lock()
		knocked := len(l.knocks)
		l.mu.Unlock()
		if want := map[bool]int{true: 2}[name != ""]; knocked != want {
			t.Errorf("%q: %d are joined, want %d", name, knocked, want)
		}
	}
}

// TestAnOpenSetIsGivenNoKey, whoever asks for one.
func TestAnOpenSetIsGivenNoKey(t *testing.T) {
	f, l := newOpenFake(t)
	f.answers["/v1/status/leader"] = `"10.96.0.10:8300"`
	f.answers["/v1/agent/self"] = selfJSON("id-0", "Leader", 4, 7, 90)
	f.calls = nil
	err := l.Do(t.Context(), engine.Step{
		Kind: engine.StepRotateKey, Member: "db-0", Credentials: map[string]string{consul.CredentialGossip: "k"},
		Key: &engine.KeyChange{Phase: engine.KeyAdd, Credential: consul.CredentialGossip, Hash: engine.KeyHash([]byte("k"))},
	})
	if err == nil || !strings.Contains(err.Error(), "no key of gossip") || len(f.calls) > 0 {
		t.Errorf("got %v after %q", err, f.calls)
	}
}

// TestStepsThatArePassedOn are taken by whoever does not lead, in an adoption.
func TestStepsThatArePassedOn(t *testing.T) {
	f, l := newOpenFake(t)
	params := map[string]string{consul.ParamPassOn: "true", consul.ParamQuorum: "2"}
	f.answers["/v1/operator/autopilot/configuration"] = `{"CleanupDeadServers":true}`
	err := l.Do(t.Context(), engine.Step{Kind: engine.StepConfigure, Member: "db-0", Params: map[string]string{consul.ParamQuorum: "2"}})
	if err == nil {
		t.Error("a step of the leader's is taken by another")
	}
	f.calls = nil
	_ = l.Do(t.Context(), engine.Step{Kind: engine.StepConfigure, Member: "db-0", Params: params})
	if len(f.calls) != 2 || f.calls[1] != "/v1/operator/autopilot/configuration" {
		t.Errorf("autopilot is changed by %q", f.calls)
	}
	f.calls = nil
	f.answers["/v1/operator/raft/transfer-leader"] = `{"Success":true}`
	f.onCall = func(path string) {
		if path == "/v1/operator/raft/transfer-leader" {
			f.answers["/v1/status/leader"] = `"10.96.0.10:8300"`
		}
	}
	for range 2 {
		if err := l.Do(t.Context(), engine.Step{Kind: engine.StepStepDown, Member: "db-0", Params: params}); err != nil {
			t.Error(err)
		}
	}
	if n := len(slices.DeleteFunc(f.calls, func(c string) bool { return c != "/v1/operator/raft/transfer-leader" })); n != 1 {
		t.Errorf("the leader was asked %d times", n)
	}
}
