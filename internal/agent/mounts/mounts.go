// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package mounts tells which content is mounted, without telling the content.
package mounts

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// Names under which directories are reported.
const (
	// Member is the members' Secret.
	Member = "member"
	// Shared is the ConfigMap of the configuration.
	Shared = "shared"
)

// hashBytes of a hash are enough to tell contents apart.
const hashBytes = 16

// maxFileBytes is more than the API server lets a Secret or ConfigMap have.
const maxFileBytes = 2 << 20

// Mounts are directories by the name under which their keys are reported. It
// reads a file again only when it seems to have changed, and is for one
// goroutine at a time.
type Mounts struct {
	dirs  map[string]string
	known map[string]entry
}

type entry struct {
	target fs.FileInfo
	hash   string
}

// New returns the mounts at dirs, by name.
func New(dirs map[string]string) *Mounts {
	return &Mounts{dirs: maps.Clone(dirs), known: map[string]entry{}}
}

// Hashes returns "name/key" and the hash of the content for every file. What
// cannot be read is left out and named in the error.
func (m *Mounts) Hashes() (map[string]string, error) {
	out := map[string]string{}
	var errs []error
	for name, dir := range m.dirs {
		keys, err := keysIn(dir)
		if err != nil {
			errs = append(errs, err)
		}
		for _, key := range keys {
			hash, err := m.hash(filepath.Join(dir, key))
			if err != nil {
				errs = append(errs, err)
				continue
			}
			out[Key(name, key)] = hash
		}
	}
	return out, errors.Join(errs...)
}

// Key is the one under which a file of a directory is reported.
func Key(name, file string) string { return name + "/" + file }

// Hash is what is reported of a content.
func Hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:hashBytes])
}

// keysIn lists the files of a volume that the kubelet keeps; names that begin
// with two dots are its own.
func keysIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list what is mounted at %s: %w", dir, err)
	}
	var out []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), "..") {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

func (m *Mounts) hash(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("look at what is mounted: %w", err)
	}
	if info.Size() > maxFileBytes {
		return "", fmt.Errorf("%s has %d bytes", path, info.Size())
	}
	if known, ok := m.known[path]; ok && unchanged(known.target, info) {
		return known.hash, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read what is mounted: %w", err)
	}
	hash := Hash(content)
	m.known[path] = entry{target: info, hash: hash}
	return hash, nil
}

// unchanged compares the files that two looks at a path led to.
func unchanged(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
