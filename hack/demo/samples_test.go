// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSamples(t *testing.T) {
	for _, engine := range []string{"consul", "Consul", "mongodb", "MongoDB", "cassandra"} {
		s, err := sampleOf(&demo{}, engine)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join("..", "..", s.path())); err != nil {
			t.Errorf("%s: %v", engine, err)
		}
		if s.use.run == nil || s.use.title == "" || len(s.sizes) == 0 || s.patience == 0 {
			t.Errorf("%s: nothing is shown of it", engine)
		}
	}
	if _, err := sampleOf(&demo{}, "etcd"); err == nil || !strings.Contains(err.Error(), "cassandra, consul, mongodb") {
		t.Errorf("an unknown engine: %v", err)
	}
}

// The verdict never leaves open which server it is about.
func TestVerdictOnMongoDB(t *testing.T) {
	if text := serverVerdict(&demo{double: true}); !strings.Contains(text, "DOUBLE") {
		t.Errorf("with the double: %q", text)
	}
	if text := serverVerdict(&demo{}); strings.Contains(strings.ToLower(text), "double") {
		t.Errorf("with MongoDB's own: %q", text)
	}
}

func TestAddresses(t *testing.T) {
	const address = "mongodb://admin:a%2Fb@db-client.ns.svc:27017/?authSource=admin&replicaSet=db"
	if got := withoutPassword(address); strings.Contains(got, "a%2Fb") || !strings.Contains(got, "replicaSet=db") {
		t.Errorf("without the password: %s", got)
	}
	if got, want := withoutUser(address), "mongodb://db-client.ns.svc:27017/?replicaSet=db"; got != want {
		t.Errorf("without the user: %s, want %s", got, want)
	}
}
