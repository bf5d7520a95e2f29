// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// member is what an image holds under a path.
type member struct {
	Type     byte
	Mode     int64
	UID, GID int
	Link     string
	Content  string
}

// load reads an archive as a container runtime would.
func load(t *testing.T, path string) v1.Image {
	t.Helper()
	image, err := tarball.ImageFromPath(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func config(t *testing.T, image v1.Image) *v1.ConfigFile {
	t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// members reads the image's file system and checks that folders precede what is in them, and every time.
func members(t *testing.T, image v1.Image) map[string]member {
	t.Helper()
	stream := mutate.Extract(image)
	defer func() {
		if err := stream.Close(); err != nil {
			t.Error(err)
		}
	}()
	found := map[string]member{}
	archive := tar.NewReader(stream)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Clean("/" + header.Name)
		if _, ok := found[filepath.Dir(name)]; !ok && filepath.Dir(name) != "/" {
			t.Errorf("%s comes before its folder", name)
		}
		if !header.ModTime.Equal(epoch) {
			t.Errorf("%s has the time %s", name, header.ModTime)
		}
		found[name] = member{
			header.Typeflag, header.Mode, header.Uid, header.Gid, header.Linkname, string(content),
		}
	}
}

// digest is the image's identity.
func digest(t *testing.T, path string) string {
	t.Helper()
	hash, err := load(t, path).Digest()
	if err != nil {
		t.Fatal(err)
	}
	return hash.String()
}

// program makes a file on this machine.
func program(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestArchiveHoldsFilesAndConfiguration(t *testing.T) {
	files := tree{}
	files.program("/bin/server", program(t, "server"))
	files.text("/etc/app/config", "a=b\n", 0o644)
	files.link("/bin/alias", "server")
	files.folder("/data", 0o750, 7, 8)
	files.folder("/tmp", 0o777|fs.ModeSticky, 0, 0)
	s := spec{name: "x", reference: "example/x:1", config: v1.Config{User: "7:8", Entrypoint: []string{"/bin/server"}}}
	path := filepath.Join(t.TempDir(), "x.tar")
	if err := writeArchive(s, files, path); err != nil {
		t.Fatal(err)
	}
	image := load(t, path)
	file := config(t, image)
	if diff := cmp.Diff(s.config, file.Config); diff != "" {
		t.Error(diff)
	}
	if file.OS != "linux" || file.Architecture != runtime.GOARCH {
		t.Errorf("platform is %s/%s", file.OS, file.Architecture)
	}
	want := map[string]member{
		"/bin":            {tar.TypeDir, 0o755, 0, 0, "", ""},
		"/bin/alias":      {tar.TypeSymlink, 0o777, 0, 0, "server", ""},
		"/bin/server":     {tar.TypeReg, 0o755, 0, 0, "", "server"},
		"/data":           {tar.TypeDir, 0o750, 7, 8, "", ""},
		"/etc":            {tar.TypeDir, 0o755, 0, 0, "", ""},
		"/etc/app":        {tar.TypeDir, 0o755, 0, 0, "", ""},
		"/etc/app/config": {tar.TypeReg, 0o644, 0, 0, "", "a=b\n"},
		"/tmp":            {tar.TypeDir, 0o1777, 0, 0, "", ""},
	}
	if diff := cmp.Diff(want, members(t, image)); diff != "" {
		t.Error(diff)
	}
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(path) })
	if err != nil || !slices.Equal(manifest[0].RepoTags, []string{"example/x:1"}) {
		t.Errorf("the archive's manifest is %v, %v", manifest, err)
	}
}

func TestSameFilesGiveTheSameImage(t *testing.T) {
	dir := t.TempDir()
	s := spec{name: "x", reference: "example/x:1"}
	var digests, keys []string
	for _, content := range []string{"one", "one", "two"} {
		files := tree{}
		for _, name := range []string{"/a", "/b", "/c/d"} {
			files.program(name, program(t, content))
		}
		path := filepath.Join(dir, "x.tar")
		if err := writeArchive(s, files, path); err != nil {
			t.Fatal(err)
		}
		key, err := fingerprint(s, files)
		if err != nil {
			t.Fatal(err)
		}
		digests, keys = append(digests, digest(t, path)), append(keys, key)
	}
	for kind, got := range map[string][]string{"digest": digests, "fingerprint": keys} {
		if got[0] != got[1] || got[0] == got[2] {
			t.Errorf("%ss are %v, want the first two the same and the third another", kind, got)
		}
	}
	s.config.User = "1"
	if key, err := fingerprint(s, tree{}); err != nil || key == keys[0] {
		t.Errorf("fingerprint %s, %v", key, err)
	}
}

func TestUnreadableFileLeavesNoArchive(t *testing.T) {
	dir := t.TempDir()
	files := tree{}
	files.program("/bin/server", filepath.Join(dir, "missing"))
	err := writeArchive(spec{reference: "example/x:1"}, files, filepath.Join(dir, "x.tar"))
	if err == nil || !strings.Contains(err.Error(), "/bin/server") {
		t.Errorf("got %v, want an error that names the file", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestKeptArchiveIsWrittenOnceAndReplacesAnOlder(t *testing.T) {
	b := &builder{progress: io.Discard, cache: t.TempDir()}
	out := filepath.Join(t.TempDir(), "x.tar")
	build := func(content string) string {
		t.Helper()
		s := spec{name: "x", reference: "example/x:1", keep: true}
		s.files = func(context.Context, *builder, string) (tree, error) {
			files := tree{}
			files.text("/f", content, 0o644)
			return files, nil
		}
		if err := b.build(t.Context(), s, out); err != nil {
			t.Fatal(err)
		}
		return members(t, load(t, out))["/f"].Content
	}
	for _, content := range []string{"one", "one", "two", "one"} {
		if got := build(content); got != content {
			t.Errorf("the archive holds %q, want %q", got, content)
		}
	}
	kept, err := os.ReadDir(b.cache)
	if err != nil || len(kept) != 2 {
		t.Errorf("%d archives are kept, %v, want 2", len(kept), err)
	}
}
