// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package initialize

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/agent/settings"
	"github.com/quorate/quorate/internal/engine"
)

const (
	sharedMode fs.FileMode = 0o440
	memberMode fs.FileMode = 0o400
	dirMode    fs.FileMode = 0o750
	binaryMode fs.FileMode = 0o555
)

// writeFiles replaces everything in the configuration volume, so that nothing
// is left of what an earlier run wrote or an agent released.
func writeFiles(s settings.Settings, r engine.Renderer, input engine.MemberInput) error {
	shared, err := readShared(s.SharedDir)
	if err != nil {
		return err
	}
	input.Shared = shared
	member, err := r.Member(input)
	if err != nil {
		return fmt.Errorf("render the configuration of %s: %w", input.Name, err)
	}
	for name := range member {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("render the configuration of %s: the path %q leads out of the volume", input.Name, name)
		}
		if _, taken := shared[name]; taken {
			return fmt.Errorf("render the configuration of %s: %q is a shared file already", input.Name, name)
		}
	}
	if err := clearDir(s); err != nil {
		return err
	}
	if err := writeAll(s.ConfigDir, shared, sharedMode); err != nil {
		return err
	}
	return writeAll(s.ConfigDir, member, memberMode)
}

// clearDir empties the configuration volume. A template that mounts it in the
// way of another volume is refused, since that one would be emptied too.
func clearDir(s settings.Settings) error {
	for _, other := range []string{s.DataDir, s.RunDir, s.SecretDir, s.SharedDir} {
		if within(s.ConfigDir, other) || within(other, s.ConfigDir) {
			return fmt.Errorf("empty the configuration volume: %s and %s overlap", s.ConfigDir, other)
		}
	}
	entries, err := os.ReadDir(s.ConfigDir)
	if err != nil {
		return fmt.Errorf("list the configuration volume: %w", err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(s.ConfigDir, e.Name())); err != nil {
			return fmt.Errorf("empty the configuration volume: %w", err)
		}
	}
	return nil
}

// within tells whether path is dir or lies in it.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

func writeAll(dir string, files map[string][]byte, mode fs.FileMode) error {
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
			return fmt.Errorf("write the configuration: %w", err)
		}
		if err := atomicfile.Write(path, content, mode); err != nil {
			return fmt.Errorf("write the configuration: %w", err)
		}
	}
	return nil
}

// readShared returns the files that all members have, by name.
func readShared(dir string) (map[string][]byte, error) {
	files, err := readKeys(dir, func(key string) (string, bool) {
		name, ok := strings.CutPrefix(key, settings.FilePrefix)
		return name, ok && filepath.IsLocal(name) && name != "."
	})
	if err != nil {
		return nil, fmt.Errorf("read the shared configuration: %w", err)
	}
	return files, nil
}

// readSecrets returns the engine's credentials; the agent's own are left out.
func readSecrets(dir string) (map[string][]byte, error) {
	own := []string{settings.AuthorityName, settings.CertificateName, settings.KeyName}
	files, err := readKeys(dir, func(key string) (string, bool) { return key, !slices.Contains(own, key) })
	if err != nil {
		return nil, fmt.Errorf("read the member's credentials: %w", err)
	}
	return files, nil
}

// readKeys reads a volume that the kubelet keeps, under the names that pick
// gives to its keys. Names that begin with two dots are the kubelet's own.
func readKeys(dir string, pick func(key string) (name string, ok bool)) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	out := map[string][]byte{}
	for _, e := range entries {
		name, ok := pick(e.Name())
		if !ok || e.IsDir() || strings.HasPrefix(e.Name(), "..") {
			continue
		}
		if out[name], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, fmt.Errorf("key %s: %w", e.Name(), err)
		}
	}
	return out, nil
}

// copyBinary puts a program in place in one step.
func copyBinary(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("read it: %w", err)
	}
	defer func() { _ = source.Close() }()
	staged := to + atomicfile.Suffix
	if err := os.Remove(staged); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a left-over: %w", err)
	}
	if err := copyTo(staged, source); err != nil {
		return err
	}
	if err := os.Rename(staged, to); err != nil {
		return fmt.Errorf("put it in place: %w", err)
	}
	return nil
}

func copyTo(path string, source io.Reader) error {
	target, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("create the copy: %w", err)
	}
	_, err = io.Copy(target, source)
	if err == nil {
		err = target.Chmod(binaryMode)
	}
	return errors.Join(err, target.Close())
}
