// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

// Release writes the number of founders for a server that is granted to form
// and has not yet done so; in every other case it removes it. It also gives a
// server its first keys, see package keyring. That of an open set has none, and would
// not understand the others with any.
func (l *local) Release(m engine.Marker) error {
	l.mu.Lock()
	l.marker = m
	l.mu.Unlock()
	if !l.open() {
		if err := l.keys.Give(); err != nil {
			return err
		}
	}
	return l.release(m)
}

func (l *local) release(m engine.Marker) error {
	path := filepath.Join(l.config.ConfigDir, consul.FormFile)
	if m.Grant.Kind != engine.GrantForm || m.Formed {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the word to form from %s: %w", path, err)
		}
		return nil
	}
	if m.Grant.Size < 1 {
		return fmt.Errorf("writing the word to form: a grant for %d founders makes no sense", m.Grant.Size)
	}
	if err := replaceFile(path, consul.FormContent(m.Grant.Size)); err != nil {
		return fmt.Errorf("writing the word to form to %s: %w", path, err)
	}
	return nil
}

// replaceFile writes a file so that a reader sees all of it or none. The
// temporary name has no ending that Consul would read.
func replaceFile(path string, content []byte) error {
	if err := os.WriteFile(path+".new", content, 0o644); err != nil {
		return err //nolint:wrapcheck // the caller says what was being written.
	}
	return os.Rename(path+".new", path) //nolint:wrapcheck // as above.
}
