// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"archive/tar"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCatalogueNamesAreUnique(t *testing.T) {
	names := Names()
	slices.Sort(names)
	want := []string{"busybox", "cassandra-5.0", "consul-1.21.5", "consul-1.22.3", "curl", "mongo-7.0", "mongo-8.0", "pause", "people", "quorate"}
	if !slices.Equal(names, want) {
		t.Errorf("images are %v, want %v", names, want)
	}
}

func TestLargeImagesAreWrittenOnlyWhereTheyAreNamed(t *testing.T) {
	for _, c := range []struct {
		only []string
		want bool
	}{{nil, false}, {[]string{"cassandra-5.0"}, true}} {
		specs, err := selected(c.only)
		got := slices.ContainsFunc(specs, func(s spec) bool { return s.name == "cassandra-5.0" })
		if err != nil || got != c.want {
			t.Errorf("of %v it is written: %t, %v", c.only, got, err)
		}
	}
}

func TestUnknownImageIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	t.Setenv("QUORATE_CACHE", t.TempDir())
	out := filepath.Join(t.TempDir(), "out")
	err := Build(t.Context(), Options{Out: out, Only: []string{"pause", "nothing"}, Progress: io.Discard})
	if err == nil || !strings.Contains(err.Error(), `"nothing"`) || !strings.Contains(err.Error(), "busybox") {
		t.Errorf("got %v", err)
	}
	if found, err := filepath.Glob(out); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
}

func TestPauseImageIsOneStaticProgramAndDeterministic(t *testing.T) {
	t.Setenv("QUORATE_CACHE", t.TempDir())
	var digests []string
	for range 2 {
		out := t.TempDir()
		if err := Build(t.Context(), Options{Out: out, Only: []string{"pause"}, Progress: io.Discard}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(out, "pause.tar")
		digests = append(digests, digest(t, path))
		image := load(t, path)
		found := members(t, image)
		if len(found) != 1 || found["/pause"].Mode != 0o755 {
			t.Errorf("the image holds %d files, /pause has mode %o", len(found), found["/pause"].Mode)
		}
		if err := checkStatic(program(t, found["/pause"].Content)); err != nil {
			t.Error(err)
		}
		if c := config(t, image).Config; !slices.Equal(c.Entrypoint, []string{"/pause"}) || c.User != "65535:65535" {
			t.Errorf("configuration is %+v", c)
		}
	}
	if digests[0] != digests[1] {
		t.Errorf("two builds differ: %v", digests)
	}
}

func TestQuorateImageRunsAsNobodyInParticular(t *testing.T) {
	s := quorateImage()
	if s.reference != QuorateReference || s.config.User != "65532:65532" ||
		!slices.Equal(s.config.Entrypoint, []string{"/quorate"}) {
		t.Errorf("got %s, %+v", s.reference, s.config)
	}
}

func TestConsulImageHasThePublicPathsAndUser(t *testing.T) {
	files := shellFiles(program(t, "busybox"), []string{"busybox", "sh", "sed", "wget"})
	files.addConsul(program(t, "consul"))
	path := filepath.Join(t.TempDir(), "consul.tar")
	if err := writeArchive(consulImage("1.22.3"), files, path); err != nil {
		t.Fatal(err)
	}
	image := load(t, path)
	found := members(t, image)
	for name, want := range map[string]member{
		"/bin/busybox":   {tar.TypeReg, 0o755, 0, 0, "", "busybox"},
		"/bin/consul":    {tar.TypeReg, 0o755, 0, 0, "", "consul"},
		"/bin/sh":        {tar.TypeSymlink, 0o777, 0, 0, "busybox", ""},
		"/bin/sed":       {tar.TypeSymlink, 0o777, 0, 0, "busybox", ""},
		"/consul/data":   {tar.TypeDir, 0o755, 100, 1000, "", ""},
		"/consul/config": {tar.TypeDir, 0o755, 100, 1000, "", ""},
		"/tmp":           {tar.TypeDir, 0o1777, 0, 0, "", ""},
		"/etc/hosts":     {tar.TypeReg, 0o644, 0, 0, "", "127.0.0.1\tlocalhost\n::1\tlocalhost\n"},
	} {
		if found[name] != want {
			t.Errorf("%s is %+v, want %+v", name, found[name], want)
		}
	}
	if !strings.Contains(found["/etc/passwd"].Content, "\nconsul:x:100:1000:") ||
		!strings.Contains(found["/etc/group"].Content, "\nconsul:x:1000:") {
		t.Errorf("accounts are %q and %q", found["/etc/passwd"].Content, found["/etc/group"].Content)
	}
	c := config(t, image).Config
	entrypoint := "/usr/local/bin/" + c.Entrypoint[0]
	if found[entrypoint].Mode != 0o755 || !strings.HasPrefix(found[entrypoint].Content, "#!/bin/sh\n") {
		t.Errorf("the entrypoint %s is %+v", entrypoint, found[entrypoint])
	}
	if !slices.Contains(c.Env, "PRODUCT_VERSION=1.22.3") {
		t.Errorf("environment is %v", c.Env)
	}
	for _, port := range []string{"8300/tcp", "8301/udp", "8500/tcp", "8600/udp"} {
		if _, ok := c.ExposedPorts[port]; !ok {
			t.Errorf("port %s is not exposed", port)
		}
	}
}

func TestMongoImageHasThePublicPathsAndUserAndSaysThatItIsADouble(t *testing.T) {
	files := shellFiles(program(t, "busybox"), []string{"busybox", "sh"})
	files.addMongo(program(t, "mongod"))
	path := filepath.Join(t.TempDir(), "mongo.tar")
	s := mongoImage("7.0.14")
	if s.name != "mongo-7.0" || s.reference != "mongo:7.0" {
		t.Errorf("the image is %s, %s", s.name, s.reference)
	}
	if err := writeArchive(s, files, path); err != nil {
		t.Fatal(err)
	}
	image := load(t, path)
	found := members(t, image)
	for name, want := range map[string]member{
		"/usr/bin/mongod": {tar.TypeReg, 0o755, 0, 0, "", "mongod"},
		"/bin/sh":         {tar.TypeSymlink, 0o777, 0, 0, "busybox", ""},
		"/data/db":        {tar.TypeDir, 0o755, 999, 999, "", ""},
		"/data/configdb":  {tar.TypeDir, 0o755, 999, 999, "", ""},
		"/tmp":            {tar.TypeDir, 0o1777, 0, 0, "", ""},
	} {
		if found[name] != want {
			t.Errorf("%s is %+v, want %+v", name, found[name], want)
		}
	}
	if !strings.Contains(found["/etc/passwd"].Content, "\nmongodb:x:999:999:") {
		t.Errorf("accounts are %q", found["/etc/passwd"].Content)
	}
	c := config(t, image).Config
	entrypoint := "/usr/local/bin/" + c.Entrypoint[0]
	if found[entrypoint].Mode != 0o755 || !slices.Equal(c.Cmd, []string{"mongod"}) {
		t.Errorf("runs %v %v", c.Entrypoint, c.Cmd)
	}
	if c.Labels["dev.quorate.double"] == "" || !slices.Contains(c.Env, "MONGO_VERSION=7.0.14") {
		t.Errorf("configuration is %+v", c)
	}
	if _, ok := c.ExposedPorts["27017/tcp"]; !ok {
		t.Errorf("ports are %v", c.ExposedPorts)
	}
}

func TestProgramsAreToldTheirVersionWhenTheyAreBuilt(t *testing.T) {
	path, err := buildProgram(t.Context(), mongodPath, t.TempDir(), "main.version=7.0.14")
	if err != nil {
		t.Fatal(err)
	}
	if err := checkStatic(path); err != nil {
		t.Error(err)
	}
	output, err := exec.CommandContext(t.Context(), path, "--version").Output()
	if err != nil || !strings.HasPrefix(string(output), "db version v7.0.14\n") {
		t.Errorf("got %s, %v", output, err)
	}
}

func TestParseLibraries(t *testing.T) {
	got, err := parseLibraries(`	linux-vdso.so.1 (0x00007fb3bafda000)
	libcurl.so.4 => /lib/x86_64-linux-gnu/libcurl.so.4 (0x00007fb3baed5000)
	/lib64/ld-linux-x86-64.so.2 (0x00007fb3bafdc000)
`)
	want := []string{"/lib/x86_64-linux-gnu/libcurl.so.4", "/lib64/ld-linux-x86-64.so.2"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	got, err = parseLibraries("\tlibcurl.so.4 => not found\n")
	if err == nil || !strings.Contains(err.Error(), "libcurl") {
		t.Errorf("a missing library gives %v, %v", got, err)
	}
}
