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
	content, err := os.ReadFile(l.keyFile())
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
				if err := os.MkdirAll(filepath.Dir(l.keyFile()), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(l.keyFile(), []byte(tt.have), 0o600); err != nil {
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
			if info, err := os.Stat(l.keyFile()); err == nil && info.Mode().Perm() != 0o600 {
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
	if err := os.WriteFile(l.keyFile(), []byte(`["ol`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := observeStopped(t, l).Keys; got != nil {
		t.Errorf("keys that are being written are read as %v", got)
	}
}

// What is reported must outlive a node that fails right after it: it is on the disk
// before, each time that it has changed.
func TestKeysAreReportedOnceTheyAreOnTheDisk(t *testing.T) {
	l := volumeOf(t, map[string]string{"gossip": "old"})
	if err := l.Release(engine.Marker{Grant: engine.Grant{Kind: engine.GrantJoin}}); err != nil {
		t.Fatal(err)
	}
	synced, fails := 0, true
	l.syncFile = func(*os.File) error {
		synced++
		if fails {
			return errors.New("no")
		}
		return nil
	}
	if got := observeStopped(t, l).Keys; got != nil {
		t.Errorf("keys that may not be on the disk are reported: %v", got)
	}
	fails = false
	for range 3 {
		if got := observeStopped(t, l).Keys; len(got) != 1 {
			t.Errorf("the keys are %v", got)
		}
	}
	if synced != 2 {
		t.Errorf("the keys were synced %d times, want once more", synced)
	}
	if err := os.WriteFile(l.keyFile(), []byte(`["new","old"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := observeStopped(t, l).Keys; len(got) != 2 || synced != 3 {
		t.Errorf("the changed keys are %v, synced %d times", got, synced)
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
	if !errors.Is(err, errStale) {
		t.Errorf("it was taken: %v", err)
	}
}
