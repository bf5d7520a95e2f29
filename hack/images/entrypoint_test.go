// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stand puts programs into a folder that write their name and arguments, and returns the folder.
func stand(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		script := "#!/bin/sh\nif [ \"${0##*/} $*\" = 'id -u' ]; then echo \"$FAKE_UID\"; else echo \"${0##*/} $*\"; fi\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run gives the output of an entrypoint for some arguments, with only the stand-ins to be found.
func run(t *testing.T, script, programs, uid string, args ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("rootfs", script))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{path}, args...)...)
	cmd.Env = []string{"PATH=" + programs, "FAKE_UID=" + uid}
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", script, args, err, output)
	}
	return strings.TrimSpace(string(output))
}

func TestConsulEntrypoint(t *testing.T) {
	programs := stand(t, "consul", "id", "chown", "su", "ls")
	const folders = "-data-dir=/consul/data -config-dir=/consul/config"
	for args, want := range map[string]string{
		"agent -server": "consul agent " + folders + " -server",
		"version":       "consul version",
		"-version":      "consul -version",
		"ls -l":         "ls -l",
		"consul info":   "consul info",
	} {
		if got := run(t, "consul-entrypoint.sh", programs, "100", strings.Fields(args)...); got != want {
			t.Errorf("%q runs %q, want %q", args, got, want)
		}
	}
	got := run(t, "consul-entrypoint.sh", programs, "0", "agent", "-dev")
	want := "chown consul:consul /consul/data /consul/config\n" +
		"su -p -s /bin/consul consul -- agent " + folders + " -dev"
	if got != want {
		t.Errorf("as root it runs %q, want %q", got, want)
	}
}

func TestCurlEntrypoint(t *testing.T) {
	programs := stand(t, "curl", "sh")
	for args, want := range map[string]string{
		"curl -V":               "curl -V",
		"-V":                    "curl -V",
		"-X PUT http://a/b":     "curl -X PUT http://a/b",
		"http://consul:8500/v1": "curl http://consul:8500/v1",
		"sh -c id":              "sh -c id",
		"":                      "curl",
	} {
		if got := run(t, "curl-entrypoint.sh", programs, "100", strings.Fields(args)...); got != want {
			t.Errorf("%q runs %q, want %q", args, got, want)
		}
	}
}

func TestMongoEntrypoint(t *testing.T) {
	programs := stand(t, "mongod", "id", "chown", "su", "ls")
	for args, want := range map[string]string{
		"mongod --replSet rs":      "mongod --replSet rs --bind_ip_all",
		"--replSet rs":             "mongod --replSet rs --bind_ip_all",
		"mongod --bind_ip 1.2.3.4": "mongod --bind_ip 1.2.3.4",
		"mongod --config /c.conf":  "mongod --config /c.conf",
		"ls -l":                    "ls -l",
	} {
		if got := run(t, "mongo-entrypoint.sh", programs, "999", strings.Fields(args)...); got != want {
			t.Errorf("%q runs %q, want %q", args, got, want)
		}
	}
	got := run(t, "mongo-entrypoint.sh", programs, "0", "mongod", "--replSet", "rs")
	want := "chown mongodb:mongodb /data/db /data/configdb\nsu -p -s /usr/bin/mongod mongodb -- --replSet rs --bind_ip_all"
	if got != want {
		t.Errorf("as root it runs %q, want %q", got, want)
	}
}
