// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

func madeByHand(config string) *v1alpha1.Datastore {
	d := datastore(config)
	d.Spec.Consul = &v1alpha1.ConsulSpec{Datacenter: "kubernetes"}
	d.Spec.Adopt = &v1alpha1.Adopt{ClaimTemplate: "data", Authentication: v1alpha1.AuthenticationNone}
	return d
}

// tutorialFile is that of the tutorial, with its namespace written in.
const tutorialFile = `{"datacenter":"kubernetes","server":true,"bootstrap_expect":3,"data_dir":"/consul/data",
	"retry_join":["consul-0.consul.default.svc.cluster.local"],"client_addr":"0.0.0.0","domain":"cluster.local","ui":true}`

// TestAdoptable reads how servers were started by hand.
func TestAdoptable(t *testing.T) {
	const flags = "consul agent -server -data-dir=/consul/data -datacenter kubernetes "
	for _, c := range []struct {
		words, file, config string
		want                []string
	}{
		{"consul agent -config-dir=/etc/consul", tutorialFile, `{"domain":"cluster.local"}`, nil},
		{"consul agent -config-file /etc/consul/consul.json", tutorialFile, `{"domain":"cluster.local"}`, nil},
		{"docker-entrypoint.sh agent -config-dir=/etc/consul", tutorialFile, `{"domain":"cluster.local"}`, nil},
		{flags + "-bootstrap-expect=3 -retry-join a -retry-join b -bind 0.0.0.0 -client=0.0.0.0 -ui", "", "", nil},
		{"docker-entrypoint.sh agent -server -datacenter=kubernetes", "", "", nil},
		{flags, "", `{"domain":"cluster.local"}`, []string{"without the setting domain"}},
		{"consul agent -config-dir=/etc/consul", tutorialFile, "", []string{"setting domain, and spec.config has not"}},
		{"consul agent -config-dir=/etc/other", tutorialFile, "", []string{"/etc/other, of which nothing is seen", "not started as servers", "datacenter dc1"}},
		{"consul agent -config-dir=/etc/consul", `server = true`, "", []string{"no object in JSON", "not started as servers", "datacenter dc1"}},
		{"sh -c consul", "", "", []string{"start consul agent itself"}},
		{"consul agent -dev", "", "", []string{"-dev", "not started as servers", "datacenter dc1"}},
		{flags + "-encrypt x", "", "", []string{"-encrypt, which"}},
		{flags + "-node x", "", "", nil},
		{flags + "-datacenter=east", "", "", []string{"set spec.consul.datacenter"}},
		{flags + "-data-dir=/data", "", "", []string{"data_dir: /data, and ours"}},
		{flags + "-raft-protocol=2", "", "", []string{"raft_protocol"}},
		{flags + "-raft-protocol=3", "", "", nil},
		{flags + "-config-dir=/etc/consul", `{"acl":{"enabled":true},"encrypt":"k","verify_incoming":true}`, "",
			[]string{"setting acl:", "setting encrypt:", "setting verify_incoming:"}},
		{flags + "-config-dir=/etc/consul", `{"leave_on_terminate":true}`, "", []string{"would leave the set"}},
		{flags + "-config-dir=/etc/consul", `{"leave_on_terminate":false,"ports":{"http":8500,"grpc_tls":8503}}`, "", nil},
		{flags + "-config-dir=/etc/consul", `{"ports":{"http":80}}`, "", []string{"setting ports"}},
		{flags + "-config-dir=/etc/consul", `{"performance":{"raft_multiplier":5}}`, `{"performance":{"raft_multiplier":5}}`, nil},
		{flags + "-config-dir=/etc/consul", `{"performance":{"raft_multiplier":5}}`, `{"performance":{"raft_multiplier":1}}`, []string{"setting performance"}},
	} {
		files := map[string]string{"/etc/consul/consul.json": c.file}
		if c.file == "" {
			files = nil
		}
		words := strings.Fields(c.words)
		got := Engine{}.AdoptableWith(madeByHand(c.config), corev1.Container{Command: words}, engine.MountedFiles{Read: files})
		ok := len(got) == len(c.want)
		for i := range min(len(got), len(c.want)) {
			ok = ok && strings.Contains(got[i], c.want[i])
		}
		if !ok {
			t.Errorf("%s with %s: %q, want %q", c.words, c.file, got, c.want)
		}
	}
	if got := (Engine{}).Adoptable(madeByHand(""), corev1.Container{Args: []string{"agent", "-server", "-datacenter=kubernetes"}}); got != nil {
		t.Errorf("by the image's entrypoint: %q", got)
	}
}

// TestWhatIsNotReadIsInTheWay where the servers read files, and nowhere else.
func TestWhatIsNotReadIsInTheWay(t *testing.T) {
	const flags = "consul agent -server -data-dir=/consul/data -datacenter kubernetes "
	for _, c := range []struct {
		words, mount string
		told         bool
	}{
		{flags + "-config-dir=/etc/consul", "/etc/consul", true},
		{flags + "-config-dir=/etc/consul/", "/etc/consul/secret.json", true},
		{flags + "-config-dir=/etc/consul", "/etc", true},
		{flags + "-config-dir=/etc/consul", "/etc/consular", false},
		{flags + "-config-dir=/etc/consul", "/consul/data", false},
		{flags + "-config-dir=/etc/consul", "/consul/config", false},
		{flags + "-config-file=/etc/consul/consul.json", "/etc/consul/consul.json", true},
		{flags + "-config-file=/etc/consul/consul.json", "/etc/consul/other.json", false},
		{"docker-entrypoint.sh agent -server -datacenter=kubernetes -config-dir=/etc/consul", "/consul/config", true},
		{"docker-entrypoint.sh agent -server -datacenter=kubernetes -config-dir=/etc/consul", "/consul/config/x.json", true},
	} {
		files := engine.MountedFiles{Read: map[string]string{"/etc/consul/consul.json": "{}"}, Unread: []string{c.mount}}
		words := strings.Fields(c.words)
		got := Engine{}.AdoptableWith(madeByHand(""), corev1.Container{Command: words}, files)
		told := len(got) == 1 && strings.Contains(got[0], "mounted at "+c.mount+" was not read here")
		if told != c.told || !told && len(got) > 0 {
			t.Errorf("%s with %s: %q", c.words, c.mount, got)
		}
	}
}

// TestAnAdoptedSetStaysOpen holds that neither access control nor a key of gossip is
// rendered for it, nor told of to anybody, and that every other set has both.
func TestAnAdoptedSetStaysOpen(t *testing.T) {
	d := madeByHand("")
	template := Engine{}.Template(d)
	in := memberInput()
	in.Shared = map[string][]byte{ServerFile: []byte(template.Files[ServerFile])}
	files, err := Renderer{}.Member(in)
	if err != nil {
		t.Fatal(err)
	}
	var settings map[string]any
	if err := json.Unmarshal(files[MemberFile], &settings); err != nil || settings["encrypt"] != nil || settings["acl"] != nil || settings["advertise_addr"] != "10.96.0.11" {
		t.Errorf("the server of an open set is started with %v (%v)", settings, err)
	}
	if !Open(in.Shared[ServerFile]) || strings.Contains(template.Files[ServerFile]+template.Reloadable[ReloadFile], "deny") {
		t.Errorf("it is started with %s", template.Files[ServerFile])
	}
	if c := (Engine{}).Connection(d, "h", map[string][]byte{CredentialManagement: []byte("secret")}); len(c.Extra) > 0 {
		t.Errorf("clients are told %+v", c)
	}
	if errs := (Engine{}).Validate(nil, madeByHand(`{"acl":{"default_policy":"allow"}}`)); len(errs) != 1 {
		t.Errorf("access control that it has not may be set: %v", errs)
	}
	secured := madeByHand("")
	secured.Spec.Adopt.Authentication = "KeyFile"
	if errs := (Engine{}).Validate(nil, secured); len(errs) != 1 || !strings.Contains(errs[0].Error(), "must be None") {
		t.Errorf("a set with authentication may be adopted: %v", errs)
	}
	for name, file := range map[string][]byte{
		"a set of ours": []byte(Engine{}.Template(datastore("")).Files[ServerFile]),
		"no file":       nil, "half a file": []byte(`{"acl":{"enabled":false}`), "no word": []byte(`{"acl":{}}`),
	} {
		in.Shared = map[string][]byte{ServerFile: file}
		files, err := Renderer{}.Member(in)
		if err != nil || Open(file) || !strings.Contains(string(files[MemberFile]), `"encrypt": "Z29zc2lw"`) {
			t.Errorf("%s is open: %s (%v)", name, files[MemberFile], err)
		}
	}
}

// TestAnOpenSetIsKnownAndGetsNoKey reads the leader of such a set as that of any other.
func TestAnOpenSetIsKnownAndGetsNoKey(t *testing.T) {
	view := &engine.View{Peers: []engine.Peer{{ID: "id-0", Name: "db-0", Voter: true, Leader: true, Healthy: true}}}
	have := func(acl string) engine.Observation {
		facts := maps.Clone(map[string]string{FactACL: acl, FactQuorum: "1", FactCleanup: "false"})
		return engine.Observation{Members: []engine.MemberObservation{{Name: "db-0", Report: &engine.Report{Member: "db-0", Server: engine.Server{
			Running: true, Serving: true, Formed: true, Leader: true, ID: "id-0", Term: 2, Facts: facts, View: view,
		}}}}}
	}
	for acl, known := range map[string]bool{ACLOpen: true, ACLReady: true, ACLPending: false, "": false} {
		if a := (Engine{}).Assess(have(acl)); a.Known != known {
			t.Errorf("%q: %+v", acl, a)
		}
		if _, ok := (Engine{}).KeyStep(engine.KeyChange{Phase: engine.KeyAdd}, have(acl)); ok != (acl == ACLReady) {
			t.Errorf("%q: a key step is %v", acl, ok)
		}
	}
	if steps := (Engine{}).Plan(engine.Desired{Members: []string{"db-0"}}, have(ACLOpen)); len(steps) > 0 {
		t.Errorf("of an open set is asked %v", steps)
	}
}
