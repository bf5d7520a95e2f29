// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func nowhere(string) string { return "" }

func TestFlagsGoBeforeTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mongod.conf")
	content := "net: {port: 27018, bindIpAll: true}\nsecurity: {keyFile: /k, authorization: enabled}\n" +
		"replication:\n  replSetName: rs0\nstorage: {dbPath: /d, wiredTiger: {engineConfig: {cacheSizeGB: 1}}}\n" +
		"setParameter: {mongosimPeerDelayMillis: 5, enableLocalhostAuthBypass: false}\nsystemLog: {destination: file, path: /l}\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := func(name string) string {
		return map[string]string{ParametersVariable: "mongosimInitialSyncDocsPerSecond=3,mongosimPeerDelayMillis=9"}[name]
	}
	got, err := Parse([]string{"--config", file, "--port=27019", "--setParameter", "logLevel=2"}, environment)
	if err != nil {
		t.Fatal(err)
	}
	want := &Options{
		Port: 27019, BindIP: "127.0.0.1", BindIPAll: true, KeyFile: "/k", Authorization: true, ReplSet: "rs0", DBPath: "/d",
		Parameters: map[string]string{
			"mongosimPeerDelayMillis": "5", "enableLocalhostAuthBypass": "false", "logLevel": "2",
			"mongosimInitialSyncDocsPerSecond": "3",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if addresses := got.Addresses(); !slices.Equal(addresses, []string{"0.0.0.0:27019"}) {
		t.Errorf("listens on %v", addresses)
	}
}

func TestDefaults(t *testing.T) {
	got, err := Parse(nil, nowhere)
	if err != nil {
		t.Fatal(err)
	}
	if got.DBPath != "/data/db" || !slices.Equal(got.Addresses(), []string{"127.0.0.1:27017"}) {
		t.Errorf("got %+v", got)
	}
	got, err = Parse(strings.Fields("--replSet rs --bind_ip localhost,10.0.0.1 --keyFile /k --dbpath /x --port 1"), nowhere)
	if err != nil || !slices.Equal(got.Addresses(), []string{"localhost:1", "10.0.0.1:1"}) || got.ReplSet != "rs" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatIsNotKnownIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ file, args string }{
		"flag":          {"", "--shardsvr"},
		"positional":    {"", "start"},
		"no file":       {"", "--config /does/not/exist"},
		"no YAML":       {"a: [", ""},
		"key":           {"net: {prot: 1}", ""},
		"TLS":           {"net: {tls: {mode: requireTLS}}", ""},
		"port":          {"net: {port: many}", ""},
		"port range":    {"", "--port 70000"},
		"authorization": {"security: {authorization: yes please}", ""},
		"boolean":       {"net: {bindIpAll: 1}", ""},
		"parameter":     {"", "--setParameter oops"},
	} {
		t.Run(name, func(t *testing.T) {
			args := strings.Fields(test.args)
			if test.file != "" {
				file := filepath.Join(t.TempDir(), "mongod.conf")
				if err := os.WriteFile(file, []byte(test.file), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--config", file)
			}
			if _, err := Parse(args, nowhere); !errors.Is(err, ErrUsage) && !strings.Contains(err.Error(), "Illegal option") {
				t.Errorf("got %v", err)
			}
		})
	}
}
