// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/engine"
)

func memberInput() engine.MemberInput {
	return engine.MemberInput{
		Name: "db-1", Ordinal: 1, PodIP: "10.1.0.7", Address: "10.96.0.11",
		Addresses: map[string]string{"db-0": "10.96.0.10", "db-1": "10.96.0.11", "db-2": "10.96.0.12"},
		Secrets:   map[string][]byte{"gossip": []byte("Z29zc2lw"), "agent-token": []byte("aaaa")},
	}
}

func TestMemberFiles(t *testing.T) {
	files, err := Renderer{}.Member(memberInput())
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 {
		t.Errorf("got files %v", files)
	}
	golden(t, "member.json", string(files[MemberFile]))

	six := memberInput()
	six.PodIP, six.Address = "fd00::7", "fd01::11"
	six.Addresses = map[string]string{"db-1": "fd01::11", "db-0": "fd01::10"}
	files, err = Renderer{}.Member(six)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "member-ipv6.json", string(files[MemberFile]))
}

// The word to form is only ever given by Release.
func TestNothingElseForms(t *testing.T) {
	files, err := Renderer{}.Member(memberInput())
	if err != nil {
		t.Fatal(err)
	}
	all := string(files[MemberFile]) + Engine{}.Template(datastore("")).Files[ServerFile]
	if strings.Contains(all, "bootstrap") {
		t.Error(all)
	}
}

func TestMemberLacks(t *testing.T) {
	for what, change := range map[string]func(*engine.MemberInput){
		"the pod has no address yet":                  func(in *engine.MemberInput) { in.PodIP = "" },
		"it has no stable address yet":                func(in *engine.MemberInput) { in.Address = "" },
		`the credential "gossip" is not mounted`:      func(in *engine.MemberInput) { delete(in.Secrets, "gossip") },
		`the credential "agent-token" is not mounted`: func(in *engine.MemberInput) { in.Secrets["agent-token"] = nil },
	} {
		in := memberInput()
		in.Secrets = maps.Clone(in.Secrets)
		change(&in)
		if _, err := (Renderer{}).Member(in); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want %q", err, what)
		}
	}
}

func TestHoldsData(t *testing.T) {
	for _, fresh := range [][]string{nil, {"lost+found"}, {".quorate.json", "lost+found"}} {
		if (Renderer{}).HoldsData(fresh) {
			t.Errorf("%v is taken for data", fresh)
		}
	}
	for _, data := range [][]string{{"raft"}, {"lost+found", "node-id"}, {"serf"}, {"server_metadata.json"}} {
		if !(Renderer{}).HoldsData(data) {
			t.Errorf("%v is not taken for data", data)
		}
	}
}

func TestRetire(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"raft/wal", "serf", "lost+found"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"node-id", "raft/wal/1", "serf/local.keyring", ".quorate.json", "server_metadata.json"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // it may be cut off and done again
		if err := (Renderer{}).Retire(dir); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if diff := cmp.Diff([]string{".quorate.json", "lost+found"}, left); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if stateNames[0] != "node-id" {
		t.Error("the identity must go first")
	}
}
