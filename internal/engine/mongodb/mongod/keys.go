// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine/mongodb"
)

func (l *local) keyFile() string { return filepath.Join(l.config.ConfigDir, mongodb.KeyFile) }

// keyHashes are those of the keys that the server has read, or will read when it
// starts in this pod.
func (l *local) keyHashes() []string {
	file, err := os.ReadFile(l.keyFile())
	if err != nil {
		return nil // then that is not known
	}
	return mongodb.KeyHashes(file)
}

// firstKey is the one by which the server knows its peers; empty where it has none.
func (l *local) firstKey() string {
	file, err := os.ReadFile(l.keyFile())
	if keys := mongodb.Keys(file); err == nil && len(keys) > 0 {
		return strings.TrimSpace(keys[0])
	}
	return ""
}

// giveKeys writes the key file anew for a server that has no data yet: its pod may have
// waited at the gate since before a rotation. One that has data has read the file, or is
// about to, and what is told of its keys must be what it has.
func (l *local) giveKeys() error {
	entries, err := os.ReadDir(l.config.DataDir)
	if err != nil {
		return fmt.Errorf("look whether the server has data: %w", err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if (mongodb.Renderer{}).HoldsData(names) {
		return nil
	}
	keys := mongodb.KeyFileOf(func(key string) []byte {
		content, err := os.ReadFile(filepath.Join(l.config.SecretDir, key))
		if err != nil {
			return nil // not there: there is no such key
		}
		return content
	})
	have, err := os.ReadFile(l.keyFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the key file: %w", err)
	}
	if len(keys) == 0 || bytes.Equal(keys, have) {
		return nil
	}
	if err := atomicfile.Write(l.keyFile(), keys, 0o400); err != nil {
		return fmt.Errorf("write the key file anew: %w", err)
	}
	return nil
}
