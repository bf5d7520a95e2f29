// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/quorate/quorate/internal/agent/mounts"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

// volumeOf is a local half with a volume and with credentials mounted.
func volumeOf(t *testing.T, secrets map[string]string) *local {
	t.Helper()
	dir := t.TempDir()
	l := newLocal(engine.LocalConfig{
		Member: "db-0", ConfigDir: filepath.Join(dir, "config"), DataDir: filepath.Join(dir, "data"), SecretDir: filepath.Join(dir, "secret"),
	}, "http://127.0.0.1:1")
	for _, sub := range []string{"config", "data", "secret"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range secrets {
		if err := os.WriteFile(filepath.Join(dir, "secret", name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func keysOn(t *testing.T, l *local) (keys []string) {
	t.Helper()
	content, err := os.ReadFile(l.keys.Path())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &keys); err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestReleaseGivesTheFirstKeys(t *testing.T) {
	join := engine.Marker{Grant: engine.Grant{Kind: engine.GrantJoin}}
	for what, tt := range map[string]struct {
		secrets map[string]string
		have    string
		want    []string
	}{
		"one":                           {map[string]string{"gossip": "old"}, "", []string{"old"}},
		"both, in a rotation":           {map[string]string{"gossip": "old", "gossip-next": "new"}, "", []string{"old", "new"}},
		"both, past the middle of it":   {map[string]string{"gossip": "new", "gossip-former": "old"}, "", []string{"new", "old"}},
		"none where none is mounted":    {nil, "", nil},
		"none where the server has any": {map[string]string{"gossip": "new"}, `["old"]`, []string{"old"}},
	} {
		t.Run(what, func(t *testing.T) {
			l := volumeOf(t, tt.secrets)
			if tt.have != "" {
				if err := os.MkdirAll(filepath.Dir(l.keys.Path()), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(l.keys.Path(), []byte(tt.have), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if err := l.Release(join); err != nil {
					t.Fatal(err)
				}
			}
			if got := keysOn(t, l); !slices.Equal(got, tt.want) {
				t.Errorf("the volume has %v, want %v", got, tt.want)
			}
			if info, err := os.Stat(l.keys.Path()); err == nil && info.Mode().Perm() != 0o600 {
				t.Errorf("the keys can be read by others: %v", info.Mode())
			}
		})
	}
}

func TestKeysAreReportedByTheirHashes(t *testing.T) {
	l := volumeOf(t, map[string]string{"gossip": "old", "gossip-next": "new"})
	if got := observeStopped(t, l).Keys; got != nil {
		t.Errorf("a volume without keys has %v", got)
	}
	if err := l.Release(engine.Marker{Grant: engine.Grant{Kind: engine.GrantJoin}}); err != nil {
		t.Fatal(err)
	}
	want := []string{mounts.Hash([]byte("old")), mounts.Hash([]byte("new"))}
	if got := observeStopped(t, l).Keys; !slices.Equal(got, want) {
		t.Errorf("a server that is down has %v, want %v", got, want)
	}
	if err := os.WriteFile(l.keys.Path(), []byte(`["ol`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := observeStopped(t, l).Keys; got != nil {
		t.Errorf("keys that are being written are read as %v", got)
	}
}

func observeStopped(t *testing.T, l *local) engine.Server {
	t.Helper()
	server, err := l.Observe(t.Context())
	if err != nil || server.Running {
		t.Fatalf("%+v, %v", server, err)
	}
	return server
}

// A key that is not the one which was planned for is refused before anything.
func TestAKeyOfAnotherSecretIsRefused(t *testing.T) {
	l := volumeOf(t, nil)
	err := l.Do(t.Context(), engine.Step{
		Kind: engine.StepRotateKey, Member: "db-0", Credentials: map[string]string{"gossip": "other"},
		Key: &engine.KeyChange{Phase: engine.KeyUse, Credential: "gossip", Hash: engine.KeyHash([]byte("this"))},
	})
	if !errors.Is(err, wire.ErrStale) {
		t.Errorf("it was taken: %v", err)
	}
}
