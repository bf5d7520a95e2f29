// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// publish puts a module into a folder that serves as a module proxy.
func publish(t *testing.T, proxy, path, version string, files map[string]string) {
	t.Helper()
	source := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(source, name), content)
	}
	base := filepath.Join(proxy, path, "@v", version)
	write(t, base+".info", `{"Version":"`+version+`","Time":"2024-01-02T03:04:05Z"}`)
	write(t, base+".mod", files["go.mod"])
	archive, err := os.Create(base + ".zip")
	if err != nil {
		t.Fatal(err)
	}
	if err := zip.CreateFromDir(archive, module.Version{Path: path, Version: version}, source); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCompileBuildsFromPublishedModules builds a program whose module replaces two others by folders, as the real ones
// do: one required at a placeholder, one at a version of its own.
func TestCompileBuildsFromPublishedModules(t *testing.T) {
	proxy := t.TempDir()
	t.Setenv("GOPROXY", "file://"+proxy)
	t.Setenv("GONOSUMDB", "example.test/*")
	t.Setenv("GOFLAGS", "-mod=vendor") // what a user has set must not matter.
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Cleanup(func() {
		// The module cache is read-only, hence not removable by the test's own clean-up; t.Context has ended by now.
		if _, err := runGo(context.Background(), proxy, nil, "clean", "-modcache"); err != nil {
			t.Error(err)
		}
	})
	publish(t, proxy, "example.test/staged", "v0.36.3", map[string]string{
		"go.mod": "module example.test/staged\n\ngo 1.24\n",
		"s.go":   "package staged\n\nvar Version = \"unset\"\n",
	})
	publish(t, proxy, "example.test/part", "v1.33.2", map[string]string{
		"go.mod": "module example.test/part\n\ngo 1.24\n",
		"p.go":   "package part\n\nconst Name = \"part\"\n",
	})
	publish(t, proxy, "example.test/big", "v1.36.3", map[string]string{
		"go.mod": `module example.test/big

go 1.24

require (
	example.test/part v1.33.2
	example.test/staged v0.0.0
)

replace (
	example.test/part => ./part
	example.test/staged => ./staging/staged
)
`,
		"cmd/tool/main.go": `package main

import (
	"fmt"

	"example.test/part"
	"example.test/staged"
)

func main() { fmt.Println(part.Name, staged.Version) }
`,
	})
	path, err := compile(t.Context(), tool{
		name: "tool", version: "v1.36.3", module: "example.test/big", pkg: "cmd/tool", staging: "v0.36.3",
		stamps: []string{"example.test/staged.Version=v1.36.3"},
	}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	output, err := exec.CommandContext(t.Context(), path).Output()
	if err != nil || string(bytes.TrimSpace(output)) != "part v1.36.3" {
		t.Errorf("the tool says %q, %v", output, err)
	}

	_, err = compile(t.Context(), tool{
		name: "gone", version: "v1.36.3", module: "example.test/big", pkg: "cmd/gone", staging: "v0.36.3",
	}, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "cmd/gone") {
		t.Errorf("building a package that is not there: got %v, want an error that names it", err)
	}
}
