// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"archive/tar"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCassandraImageHasThePublicPathsAndUser(t *testing.T) {
	files := shellFiles(program(t, "busybox"), []string{"busybox", "sh"})
	files.addCassandra()
	path := filepath.Join(t.TempDir(), "cassandra.tar")
	s := cassandraImage()
	if s.name != "cassandra-5.0" || s.reference != "cassandra:5.0" {
		t.Errorf("the image is %s, %s", s.name, s.reference)
	}
	if err := writeArchive(s, files, path); err != nil {
		t.Fatal(err)
	}
	image := load(t, path)
	found := members(t, image)
	for name, want := range map[string]member{
		"/var/lib/cassandra":  {tar.TypeDir, 0o777, 999, 999, "", ""},
		"/etc/cassandra":      {tar.TypeDir, 0o777, 999, 999, "", ""},
		"/opt/cassandra/conf": {tar.TypeSymlink, 0o777, 0, 0, "/etc/cassandra", ""},
	} {
		if found[name] != want {
			t.Errorf("%s is %+v, want %+v", name, found[name], want)
		}
	}
	for _, name := range []string{"/usr/local/bin/docker-entrypoint.sh", "/opt/cassandra/bin/cassandra", "/opt/cassandra/bin/nodetool"} {
		if found[name].Mode != 0o755 || !strings.HasPrefix(found[name].Content, "#!/bin/sh\n") {
			t.Errorf("%s is %+v", name, found[name])
		}
	}
	if !strings.Contains(found["/etc/passwd"].Content, "\ncassandra:x:999:999:") {
		t.Errorf("accounts are %q", found["/etc/passwd"].Content)
	}
	c := config(t, image).Config
	if !slices.Contains(c.Env, "CASSANDRA_CONF=/etc/cassandra") || !strings.HasPrefix(c.Env[0], "PATH=/opt/cassandra/bin:/opt/java/openjdk/bin:/usr") {
		t.Errorf("environment is %v", c.Env)
	}
	for _, port := range []string{"7000/tcp", "7001/tcp", "7199/tcp", "9042/tcp"} {
		if _, ok := c.ExposedPorts[port]; !ok {
			t.Errorf("port %s is not exposed", port)
		}
	}
}

func TestFoldersAreAddedWithoutWhatIsSkipped(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"keep/file", "skip/file"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"link": "keep/file", "nowhere": "gone"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	files := tree{}
	if err := files.addFolder("/at", dir, func(path string) bool { return strings.HasPrefix(path, "/skip") }); err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || files["/at/keep/file"].mode != 0o644 || files["/at/link"].source == "" {
		t.Errorf("got %v", files)
	}
}

func TestCassandraEntrypoint(t *testing.T) {
	programs := stand(t, "cassandra", "id", "chown", "su", "sed", "hostname", "cut", "ls")
	if got := run(t, "cassandra-entrypoint.sh", programs, "999", "ls", "-l"); got != "ls -l" {
		t.Errorf("another program runs %q", got)
	}
	got := run(t, "cassandra-entrypoint.sh", programs, "0", "-Dx=y")
	want := "chown cassandra:cassandra /var/lib/cassandra /etc/cassandra\n" +
		"su -p -s /usr/local/bin/docker-entrypoint.sh cassandra -- cassandra -f -Dx=y"
	if got != want {
		t.Errorf("as root it runs %q, want %q", got, want)
	}
	if got := run(t, "cassandra-entrypoint.sh", programs, "999", "cassandra", "-f"); !strings.HasSuffix(got, "\ncassandra -f") {
		t.Errorf("as the user it runs %q", got)
	}
}
