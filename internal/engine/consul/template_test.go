// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/catalogue"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestTemplateFiles(t *testing.T) {
	both := func(name string, d *v1alpha1.Datastore) {
		got := Engine{}.Template(d)
		golden(t, "server-"+name+".json", got.Files[ServerFile])
		golden(t, "reload-"+name+".json", got.Reloadable[ReloadFile])
		if len(got.Files) != 1 || len(got.Reloadable) != 1 {
			t.Errorf("%s: there are more files: %v, %v", name, got.Files, got.Reloadable)
		}
	}
	both("default", datastore(""))

	d := datastore(`{"log_level":"WARN","acl":{"default_policy":"allow","token_ttl":"60s"},
		"ui_config":{"content_path":"/consul/","metrics_provider":"prometheus"},"connect":{},"dns_config":{"soa":{"expire":9}},
		"limits":{"kv_max_value_size":18446744073709551615,"http_max_conns_per_client":400},"recursors":["10.0.0.1"]}`)
	d.Spec.Consul = &v1alpha1.ConsulSpec{Datacenter: "east", UI: v1alpha1.ConsulUI{Enabled: ptr.To(false)}}
	both("merged", d)
}

// Every setting is in one of the two files, and a change of it changes that one
// alone.
func TestTemplateParts(t *testing.T) {
	on := []string{"acl.enable_token_persistence", "disable_update_check", "telemetry.disable_hostname"} // by default here
	base := Engine{}.Template(datastore(""))
	for path, s := range settings.Known {
		if s.Kind != "boolean" && s.Kind != "string" {
			continue
		}
		value := any(path + " changed")
		if s.Kind == "boolean" {
			value = !slices.Contains(on, path)
		}
		words := strings.Split(path, ".")
		for i := len(words) - 1; i >= 0; i-- {
			value = object{words[i]: value}
		}
		got := Engine{}.Template(datastore(string(encode(value.(object)))))
		files, live := got.Files[ServerFile] != base.Files[ServerFile], got.Reloadable[ReloadFile] != base.Reloadable[ReloadFile]
		if live != s.Reload || files == s.Reload {
			t.Errorf("%s, reload %v, changes server.json %v and reload.json %v", path, s.Reload, files, live)
		}
	}
	if a, b := readMark(t, base), readMark(t, (Engine{}).Template(datastore(`{"log_level":"WARN"}`))); a == b {
		t.Errorf("two sets of settings have the mark %s", a)
	}
}

func readMark(t *testing.T, template engine.ServerTemplate) string {
	t.Helper()
	live, err := catalogue.Decode([]byte(template.Reloadable[ReloadFile]))
	if err != nil {
		t.Fatal(err)
	}
	mark, _ := live[markSetting].(string)
	if mark == "" {
		t.Fatal("the file has no mark")
	}
	return mark
}

// A change of the size must reach no running server's files.
func TestTemplateDoesNotDependOnReplicas(t *testing.T) {
	three, five := datastore(""), datastore("")
	three.Spec.Replicas, five.Spec.Replicas = ptr.To[int32](3), ptr.To[int32](5)
	if diff := cmp.Diff(Engine{}.Template(three), Engine{}.Template(five)); diff != "" {
		t.Error(diff)
	}
}

func TestTemplateContainer(t *testing.T) {
	got := Engine{}.Template(datastore(""))
	if got.Image != "hashicorp/consul:1.22.3" {
		t.Errorf("the image is %s", got.Image)
	}
	if diff := cmp.Diff([]string{"agent", "-config-dir=/consul/config"}, got.Args); diff != "" || got.Command[0] != "/bin/consul" {
		t.Errorf("the command is %v %v", got.Command, got.Args)
	}
	if got.GraceSeconds < 30 {
		t.Errorf("a leader gets %d s to stop", got.GraceSeconds)
	}
	type key struct {
		number   int32
		protocol corev1.Protocol
	}
	want := map[key]string{
		{8300, "TCP"}: "peer", {8301, "TCP"}: "peer", {8301, "UDP"}: "peer",
		{8500, "TCP"}: "client", {8502, "TCP"}: "client", {8600, "TCP"}: "client", {8600, "UDP"}: "client",
	}
	names := map[string]bool{}
	have := map[key]string{}
	for _, p := range got.Ports {
		names[p.Name] = true
		have[key{p.Number, p.Protocol}] = map[bool]string{true: "client", false: "peer"}[p.Client]
		if p.Client == p.Peer {
			t.Errorf("port %s is for neither or for both", p.Name)
		}
	}
	if diff := cmp.Diff(want, have); diff != "" || len(names) != len(got.Ports) {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	if !names[(Engine{}).UIPort()] {
		t.Errorf("the user interface is on no port: %s", Engine{}.UIPort())
	}
}

func TestTraits(t *testing.T) {
	traits := Engine{}.Traits()
	mounted := map[string]bool{}
	for _, c := range traits.Credentials {
		mounted[c.Key] = c.Mounted
	}
	want := map[string]bool{"gossip": true, "agent-token": true, "management-token": false}
	if diff := cmp.Diff(want, mounted); diff != "" {
		t.Errorf("mounted credentials (-want +got):\n%s", diff)
	}
	if traits.Formation != engine.FormTogether || !traits.StableAddress || !traits.StartIsJoin || traits.Quorum(5) != 3 {
		t.Errorf("got %+v", traits)
	}
}

func TestConnection(t *testing.T) {
	got := Engine{}.Connection(datastore(""), "db-client.ns.svc", map[string][]byte{
		"management-token": []byte("secret"), "gossip": []byte("no"), "agent-token": []byte("no"),
	})
	want := engine.Connection{
		Type: "consul", Host: "db-client.ns.svc", Port: "8500", URI: "http://db-client.ns.svc:8500",
		Extra: map[string]string{"token": "secret"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
