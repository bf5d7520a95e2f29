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

// sources are what the generators read, below the root of the module.
var sources = []string{"go.mod", "go.sum", boilerplate, "api", "internal"}

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
