// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sources are copied as they are. Of the manager's packages only the markers are, see copyMarkers.
var sources = []string{"go.mod", "go.sum", boilerplate, "api"}

// rbacMarker begins the comments that say what the manager may do.
const rbacMarker = "// +kubebuilder:rbac:"

// copySources copies what the generators read, without what they write: a generated file that is broken or of another
// time must not influence the next.
func copySources(from, to string) error {
	for _, source := range sources {
		err := fs.WalkDir(os.DirFS(from), source, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case name == applyFolder || name == deepcopyFile:
				return skip(entry)
			case entry.IsDir() || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			return copyFile(filepath.Join(from, name), filepath.Join(to, name))
		})
		if err != nil {
			return fmt.Errorf("copying %s: %w", source, err)
		}
	}
	return nil
}

// copyMarkers gathers the RBAC markers below a folder of Go packages in one package of the same place. Nothing else of
// them matters to the generator, which otherwise would need everything that they import.
func copyMarkers(from, to, folder string) error {
	markers := []byte("package markers\n\n")
	err := fs.WalkDir(os.DirFS(from), folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return err
		}
		content, err := os.ReadFile(filepath.Join(from, name))
		for line := range strings.Lines(string(content)) {
			if strings.HasPrefix(line, rbacMarker) {
				markers = append(markers, line...)
			}
		}
		return err //nolint:wrapcheck // It names the file, and is wrapped below.
	})
	if err != nil {
		return fmt.Errorf("gathering markers in %s: %w", folder, err)
	}
	return writeFile(filepath.Join(to, folder, "markers.go"), markers)
}

func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("reading a source: %w", err)
	}
	return writeFile(to, content)
}

func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil { //nolint:gosec // Sources are for everybody to read.
		return fmt.Errorf("writing a file: %w", err)
	}
	return nil
}
