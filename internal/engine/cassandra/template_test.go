// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cassandra

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
	inpod "github.com/quorate/quorate/internal/agent/settings"
	"github.com/quorate/quorate/internal/engine"
)

func datastore(config string) *v1alpha1.Datastore {
	d := &v1alpha1.Datastore{}
	d.Name, d.Spec.Version = "db", "5.0"
	if config != "" {
		d.Spec.Config = &apiextensionsv1.JSON{Raw: []byte(config)}
	}
	return d
}

func TestTemplate(t *testing.T) {
	d := datastore(`{"concurrent_reads": 16}`)
	got := Engine{}.Template(d)
	want := `allocate_tokens_for_local_replication_factor: 3
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
cluster_name: db
commit_failure_policy: stop
commitlog_sync: periodic
commitlog_sync_period: 10s
concurrent_reads: 16
disk_failure_policy: stop
endpoint_snitch: GossipingPropertyFileSnitch
native_transport_port: 9042
num_tokens: 16
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
role_manager: CassandraRoleManager
storage_port: 7000
`
	if diff := cmp.Diff(want, got.Files[ServerFile]); diff != "" {
		t.Errorf("server.yaml (-want +got):\n%s", diff)
	}
	if got.Image != "cassandra:5.0" {
		t.Errorf("the image is %s", got.Image)
	}
	command := strings.Join(append(got.Command, got.Args...), " ")
	if !strings.HasPrefix(command, inpod.RunDir+"/"+inpod.BinaryName+" attend {") || !strings.Contains(command, " -- java @/etc/quorate-cassandra/java.options ") {
		t.Errorf("the command is %s", command)
	}
	larger := datastore(string(d.Spec.Config.Raw))
	larger.Spec.Replicas = ptr.To[int32](7)
	if diff := cmp.Diff(got, (Engine{}).Template(larger)); diff != "" {
		t.Errorf("the number of members changes the template:\n%s", diff)
	}
}

// TestSectionIsInTheFiles has the section of the specification reach the server, its
// place and the clients.
func TestSectionIsInTheFiles(t *testing.T) {
	d := datastore("")
	d.Spec.Cassandra = &v1alpha1.CassandraSpec{Datacenter: "DC1-K8Demo", ClusterName: "K8Demo", NumTokens: ptr.To[int32](8)}
	got := Engine{}.Template(d).Files
	for file, want := range map[string]string{
		ServerFile: "cluster_name: K8Demo\n", RackFile: "dc=DC1-K8Demo\nrack=rack1\n",
	} {
		if !strings.Contains(got[file], want) {
			t.Errorf("%s lacks %q:\n%s", file, want, got[file])
		}
	}
	if !strings.Contains(got[ServerFile], "num_tokens: 8\n") {
		t.Errorf("the tokens are not 8:\n%s", got[ServerFile])
	}
	if c := (Engine{}).Connection(d, "host", nil); c.Extra["datacenter"] != "DC1-K8Demo" {
		t.Errorf("clients are told of %v", c.Extra)
	}
}

// With racks the file that has one is each member's own, and the rest of it shared. Tokens
// are spread for no more copies than there are racks, which Cassandra refuses.
func TestWithRacksEachMemberHasItsOwn(t *testing.T) {
	for racks, factor := range map[int]int{0: 3, 2: 2, 3: 3, 5: 3} {
		d := datastore("")
		d.Spec.Cassandra = &v1alpha1.CassandraSpec{Datacenter: "dc2"}
		var want []engine.Rack
		for i := range racks {
			name := fmt.Sprintf("r%d", i)
			d.Spec.Cassandra.Racks = append(d.Spec.Cassandra.Racks, v1alpha1.CassandraRack{Name: name, Zone: "zone-" + name})
			want = append(want, engine.Rack{Name: name, Zone: "zone-" + name})
		}
		if diff := cmp.Diff(want, (Engine{}).Racks(d)); diff != "" {
			t.Errorf("%d racks: %s", racks, diff)
		}
		files := Engine{}.Template(d).Files
		if text := fmt.Sprintf("allocate_tokens_for_local_replication_factor: %d\n", factor); !strings.Contains(files[ServerFile], text) {
			t.Errorf("%d racks: the settings lack %q", racks, text)
		}
		if racks == 0 {
			continue
		}
		if text, shared := files[RackFile]; shared {
			t.Errorf("%d racks: all members have %q", racks, text)
		}
		in := input()
		in.Rack, in.Shared = "r1", map[string][]byte{CenterFile: []byte(files[CenterFile])}
		own, err := Renderer{}.Member(in)
		if diff := cmp.Diff("dc=dc2\nrack=r1\n", string(own[RackFile])); diff != "" || err != nil {
			t.Errorf("%d racks: %v %s", racks, err, diff)
		}
		in.Shared = nil
		if _, err := (Renderer{}).Member(in); err == nil {
			t.Error("a member without a datacenter has files")
		}
	}
	if own, err := (Renderer{}).Member(input()); err != nil || own[RackFile] != nil {
		t.Errorf("without racks a member has a rack of its own: %q, %v", own[RackFile], err)
	}
}

func TestHeapIsHalfOfTheMemory(t *testing.T) {
	for limit, want := range map[string]string{"": "-Xmx512M", "1Gi": "-Xmx512M", "8Gi": "-Xmx4096M", "100Mi": "-Xmx128M", "200Gi": "-Xmx31744M"} {
		d := datastore("")
		if limit != "" {
			d.Spec.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(limit)}
		}
		if got := heapOptions(d); !slices.Contains(strings.Split(got, "\n"), want) {
			t.Errorf("with %q: %s", limit, got)
		}
	}
}

func TestValidate(t *testing.T) {
	for config, want := range map[string]string{
		``:                        "",
		`{"concurrent_reads":16}`: "",
		`{"compaction_throughput":"64MiB/s","memtable":{"configurations":{}}}`: "",
		`[]`:                   "an object of Cassandra's settings",
		`{"seed_provider":[]}`: "remove it: the operator names as seeds",
		`{"authenticator":"AllowAllAuthenticator"}`: "Forbidden",
		`{"auto_bootstrap":false}`:                  "loses what it should have",
		`{"concurrent_read":1}`:                     `did you mean "concurrent_reads"?`,
		`{"concurrent_reads":"16"}`:                 "a whole number",
	} {
		errs := Engine{}.Validate(nil, datastore(config))
		if (len(errs) == 0) != (want == "") || len(errs) > 0 && !strings.Contains(errs.ToAggregate().Error(), want) {
			t.Errorf("%s: got %v, want %q", config, errs, want)
		}
	}
	for version, good := range map[string]bool{"5.0": true, "5.0.9": true, "4.1.3": false, "5": false} {
		d := datastore("")
		d.Spec.Version = version
		if errs := (Engine{}).Validate(nil, d); (len(errs) == 0) != good {
			t.Errorf("version %s: %v", version, errs)
		}
	}
}

// TestSeeds is law 1 for a ring: a server finds itself among its seeds only to form, or
// when it has joined.
func TestSeeds(t *testing.T) {
	others := []string{"b", "c", "d", "e"}
	form, join := engine.Grant{Kind: engine.GrantForm}, engine.Grant{Kind: engine.GrantJoin}
	for _, c := range []struct {
		name   string
		marker engine.Marker
		want   []string
	}{
		{"forms", engine.Marker{Grant: form}, []string{"a"}},
		{"has formed", engine.Marker{Grant: form, Formed: true}, []string{"a", "b", "c"}},
		{"joins", engine.Marker{Grant: join}, []string{"b", "c", "d"}},
		{"has joined", engine.Marker{Grant: join, Formed: true}, []string{"a", "b", "c"}},
		{"no grant", engine.Marker{}, []string{"b", "c", "d"}},
	} {
		if diff := cmp.Diff(c.want, Seeds(c.marker, "a", others)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	if !slices.Equal(others, []string{"b", "c", "d", "e"}) {
		t.Errorf("the others have become %v", others)
	}
}

func input() engine.MemberInput {
	return engine.MemberInput{
		Name: "db-1", Ordinal: 1, PodIP: "10.244.0.7", Address: "10.96.0.1",
		Addresses: map[string]string{"db-0": "10.96.0.9", "db-1": "10.96.0.1", "db-10": "10.96.0.3", "db-2": "10.96.0.4"},
		Secrets:   map[string][]byte{CredentialAgent: []byte("x")},
	}
}

func TestMemberAndCompose(t *testing.T) {
	files, err := Renderer{}.Member(input())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Compose([]byte("cluster_name: db\n"), files[MemberFile], engine.Marker{Grant: engine.Grant{Kind: engine.GrantJoin}})
	want := `broadcast_address: 10.96.0.1
broadcast_rpc_address: 10.96.0.1
cluster_name: db
listen_address: 10.244.0.7
rpc_address: 0.0.0.0
seed_provider:
- class_name: org.apache.cassandra.locator.SimpleSeedProvider
  parameters:
  - seeds: 10.96.0.9,10.96.0.4,10.96.0.3
`
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	alone := input()
	alone.Addresses = map[string]string{"db-1": "10.96.0.1"}
	files, err = Renderer{}.Member(alone)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := Compose(nil, files[MemberFile], engine.Marker{Grant: engine.Grant{Kind: engine.GrantJoin}}); err == nil {
		t.Errorf("a member that has nobody to join by would start with %s", text)
	}
	for name, spoil := range map[string]func(*engine.MemberInput){
		"no pod address":    func(in *engine.MemberInput) { in.PodIP = "" },
		"no stable address": func(in *engine.MemberInput) { in.Address = "" },
		"no password":       func(in *engine.MemberInput) { in.Secrets = nil },
	} {
		in := input()
		spoil(&in)
		if files, err := (Renderer{}).Member(in); err == nil {
			t.Errorf("%s: rendered %v", name, files)
		}
	}
}

func TestHoldsDataAndRetire(t *testing.T) {
	for name, want := range map[string]bool{"data": true, "commitlog": true, "lost+found": false, ".quorate.json": false} {
		if got := (Renderer{}).HoldsData([]string{name}); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"data/system/local", "commitlog/1", "lost+found/x", CleanedFile} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := (Renderer{}).Retire(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != "lost+found" {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestConnection(t *testing.T) {
	got := Engine{}.Connection(datastore(""), "db-client.ns.svc", map[string][]byte{CredentialAdmin: []byte("p"), CredentialAgent: []byte("no")})
	want := engine.Connection{Type: "cassandra", Host: "db-client.ns.svc", Port: "9042", Username: "admin", Password: "p",
		URI: "cassandra://db-client.ns.svc:9042", Extra: map[string]string{"datacenter": "dc1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
