// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestNothingHereCanTalkToKubernetes reads the imports of every package in
// this directory.
func TestNothingHereCanTalkToKubernetes(t *testing.T) {
	files, found := kubernetesClients(t, ".")
	for _, f := range found {
		t.Error(f)
	}
	if files < 20 {
		t.Errorf("only %d files were read", files)
	}
}

// TestAClientOfKubernetesIsFound breaks the rule on purpose.
func TestAClientOfKubernetesIsFound(t *testing.T) {
	for _, name := range []string{"k8s.io/client-go/rest", "sigs.k8s.io/controller-runtime"} {
		dir := filepath.Join(t.TempDir(), "deep", "below")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		text := "package below\n\nimport _ " + strconv.Quote(name) + "\n"
		if err := os.WriteFile(filepath.Join(dir, "x.go"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, found := kubernetesClients(t, filepath.Dir(filepath.Dir(dir))); len(found) != 1 {
			t.Errorf("the import of %s was found as %q", name, found)
		}
	}
}

// kubernetesClients returns how many files there are below a folder, and which of them
// import a client of Kubernetes.
func kubernetesClients(t *testing.T, folder string) (files int, found []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		files++
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range file.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			for _, banned := range []string{"k8s.io/client-go", "sigs.k8s.io/controller-runtime"} {
				if name == banned || strings.HasPrefix(name, banned+"/") {
					found = append(found, path+" imports "+name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, found
}
