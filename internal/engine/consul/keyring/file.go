// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package keyring

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

// File is the one on a member's volume.
type File struct {
	path      string
	secretDir string // where the keys are mounted

	mu sync.Mutex
	// synced is what was last seen to be on the disk, and sync puts it there. Last is
	// the file as it last made sense.
	synced string
	sync   func(*os.File) error
	last   string
}

// New returns the file under a server's data folder; it need not be there yet.
func New(dataDir, secretDir string) *File {
	return &File{path: filepath.Join(dataDir, "serf", "local.keyring"), secretDir: secretDir, sync: (*os.File).Sync}
}

// Path is where it is.
func (f *File) Path() string { return f.path }

// Hashes are those of the keys on the volume; none where they cannot be read,
// as before the server has started, or while it writes them.
func (f *File) Hashes() []string {
	content, err := f.durable()
	if err != nil {
		return nil
	}
	var keys []string
	if json.Unmarshal(content, &keys) != nil || len(keys) > mostKeys {
		return nil
	}
	f.mu.Lock()
	f.last = string(content)
	f.mu.Unlock()
	var out []string
	for _, key := range keys {
		out = append(out, engine.KeyHash([]byte(key)))
	}
	return out
}

// durable reads the file, and has it written to the disk where it has changed:
// the server does not see to that, and what is reported must outlive the node.
func (f *File) durable() ([]byte, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err //nolint:wrapcheck // it is not reported
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(file, mostBytes))
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if string(content) == f.synced {
		return content, nil
	}
	if err := f.sync(file); err != nil {
		return nil, err
	}
	f.synced = string(content)
	return content, nil
}

// mostBytes bounds the file.
const mostBytes = 64 << 10

// mostKeys bounds the keys that are reported.
const mostKeys = 16

// Give writes the file for a server that has none yet, with the keys that are
// mounted now. The setting will not do: it is one key, and it was rendered when the
// pod was made, which can be a rotation ago. While one is under way the others may
// use another key, and have the present one in any case. Keys that are there are
// left as they are: the server has them, and may have others by now than the
// kubelet has mounted; but for a file that makes no sense, see Mend.
func (f *File) Give() error {
	if _, err := os.Stat(f.path); err == nil {
		return f.Mend()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err //nolint:wrapcheck // it names the file
	}
	keys := f.mounted()
	if len(keys) == 0 {
		return nil // the server makes the file from the setting
	}
	return f.write(keys)
}

// mounted are those in the Secret as the kubelet shows it, the present one
// first.
func (f *File) mounted() (keys []string) {
	for _, name := range []string{consul.CredentialGossip, engine.NextKey(consul.CredentialGossip), engine.FormerKey(consul.CredentialGossip)} {
		content, err := os.ReadFile(filepath.Join(f.secretDir, name))
		if key := strings.TrimSpace(string(content)); err == nil && key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// write writes the file so that a server sees all of it or none.
func (f *File) write(keys []string) error {
	content, err := json.MarshalIndent(keys, "", "  ")
	if err != nil {
		panic("texts are always valid JSON: " + err.Error())
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return fmt.Errorf("make the folder for the keys of gossip: %w", err)
	}
	if err := atomicfile.WriteSynced(f.path, content, 0o600, func() {}); err != nil {
		return fmt.Errorf("write the keys of gossip: %w", err)
	}
	return nil
}
