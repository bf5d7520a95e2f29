// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/internal/engine"
)

func TestTemplate(t *testing.T) {
	d := datastore(`{"storage":{"wiredTiger":{"engineConfig":{"cacheSizeGB":0.5}}},"setParameter":{"cursorTimeoutMillis":9007199254740993}}`)
	got := Engine{}.Template(d)
	want := `net:
  bindIpAll: true
  port: 27017
replication:
  replSetName: db
security:
  authorization: enabled
  keyFile: /etc/mongodb/keyfile
setParameter:
  cursorTimeoutMillis: 9007199254740993
storage:
  dbPath: /data/db
  wiredTiger:
    engineConfig:
      cacheSizeGB: 0.5
`
	if diff := cmp.Diff(want, got.Files[ServerFile]); diff != "" {
		t.Errorf("mongod.conf (-want +got):\n%s", diff)
	}
	if got.Image != "mongo:8.0" || len(got.Files) != 1 || !slices.Equal(got.Args, []string{"--config", "/etc/mongodb/mongod.conf"}) {
		t.Errorf("template %+v", got)
	}
	larger := datastore(string(d.Spec.Config.Raw))
	larger.Spec.Replicas = ptr.To[int32](7)
	if diff := cmp.Diff(got, (Engine{}).Template(larger)); diff != "" {
		t.Errorf("the number of members changes the template:\n%s", diff)
	}
}

// TestConnection has a password that would break out of the address if it were
// not escaped.
func TestConnection(t *testing.T) {
	password := "p@ss/w+rd:=?&"
	got := Engine{}.Connection(datastore(""), "db-client.ns.svc", map[string][]byte{CredentialAdmin: []byte(password), CredentialKeyFile: []byte("no")})
	uri, err := url.Parse(got.URI)
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := uri.User.Password(); p != password || uri.User.Username() != "admin" || uri.Host != "db-client.ns.svc:27017" || uri.Query().Get("replicaSet") != "db" {
		t.Errorf("the address is %q", got.URI)
	}
	got.URI = ""
	want := engine.Connection{Type: "mongodb", Host: "db-client.ns.svc", Port: "27017", Username: "admin", Password: password,
		Extra: map[string]string{"database": "admin", "replica-set": "db"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRender(t *testing.T) {
	in := engine.MemberInput{Name: "db-1", Host: "db-1.db.ns.svc", Secrets: map[string][]byte{CredentialKeyFile: []byte("key"), CredentialAgent: []byte("a")}}
	files, err := Renderer{}.Member(in)
	if err != nil || len(files) != 2 || string(files[KeyFile]) != "key" || string(files[HostFile]) != "db-1.db.ns.svc" {
		t.Errorf("%v, %v", files, err)
	}
	without := in
	without.Host = ""
	if _, err := (Renderer{}).Member(without); err == nil {
		t.Error("a member without a name was rendered")
	}
	in.Secrets = map[string][]byte{CredentialAgent: []byte("a")}
	if _, err := (Renderer{}).Member(in); err == nil {
		t.Error("a member without a key was rendered: its server would let everybody in")
	}
}

func TestHoldsDataAndRetire(t *testing.T) {
	for names, want := range map[string]bool{"lost+found": false, ".quorate.json": false, "": false, "WiredTiger": true, "mongod.lock": true, "journal": true, "collection-7-12.wt": true, "notes.wt": false} {
		if got := (Renderer{}).HoldsData([]string{names}); got != want {
			t.Errorf("%q: %v", names, got)
		}
	}
	dir := t.TempDir()
	state := []string{"WiredTiger", "WiredTiger.wt", "mongod.lock", "storage.bson", "index-3--1.wt", "collection-2--1.wt", "journal/log.1", "diagnostic.data/metrics"}
	kept := []string{".quorate.json", "lost+found/x", "notes.txt"}
	for _, name := range slices.Concat(state, kept) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := (Renderer{}).Retire(dir); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if !slices.Equal(left, []string{".quorate.json", "lost+found", "notes.txt"}) {
		t.Errorf("left are %v", left)
	}
}
