// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul/keyring"
)

const oldKey, newKey = "old", "new"

// leaveKeys writes the file of keys as a server that died that long ago left it.
func leaveKeys(t *testing.T, l *local, content string, ago time.Duration) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(l.keys.Path()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.keys.Path(), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-ago)
	if err := os.Chtimes(l.keys.Path(), then, then); err != nil {
		t.Fatal(err)
	}
}

func TestHalfWrittenKeysAreMended(t *testing.T) {
	secrets := map[string]string{"gossip": newKey, "gossip-former": oldKey}
	mounted := []string{newKey, oldKey}
	whole := `["` + oldKey + `"]`
	for what, tt := range map[string]struct {
		left string
		ago  time.Duration
		want []string // nil where it is left alone
	}{
		"emptied":                           {"", time.Minute, mounted},
		"cut short":                         {whole[:len(whole)-2], time.Minute, mounted},
		"of zeros, as some file systems do": {string(make([]byte, 48)), time.Minute, mounted},
		"without a key":                     {"[]", time.Minute, mounted},
		"written in the future, by a clock that was wrong": {"", -time.Hour, mounted},
		"sound":                          {whole, time.Minute, []string{oldKey}},
		"being written, for all we know": {"", 0, nil},
	} {
		t.Run(what, func(t *testing.T) {
			l := volumeOf(t, secrets)
			leaveKeys(t, l, tt.left, tt.ago)
			err := l.Release(engine.Marker{Grant: engine.Grant{Kind: engine.GrantJoin}})
			if tt.want == nil {
				if content, _ := os.ReadFile(l.keys.Path()); !errors.Is(err, keyring.ErrUnsettled) || string(content) != tt.left {
					t.Errorf("the server is released with %q: %v", content, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := keysOn(t, l); !slices.Equal(got, tt.want) {
				t.Errorf("the volume has %v, want %v", got, tt.want)
			}
		})
	}
}

// A server that dies while its agent lives gets what the agent read last: the
// mounted keys may be from before a rotation.
func TestAServerThatDiedWritingGetsTheKeysThatItHad(t *testing.T) {
	l := volumeOf(t, map[string]string{"gossip": oldKey})
	leaveKeys(t, l, `["`+newKey+`","`+oldKey+`"]`, time.Minute)
	observeStopped(t, l)
	leaveKeys(t, l, "", time.Minute)
	observeStopped(t, l)
	if got := keysOn(t, l); !slices.Equal(got, []string{newKey, oldKey}) {
		t.Errorf("the volume has %v", got)
	}
}

func TestKeysThatCannotBeMendedAreToldOf(t *testing.T) {
	l := volumeOf(t, nil)
	leaveKeys(t, l, "", time.Minute)
	if _, err := l.Observe(context.Background()); err == nil {
		t.Error("nobody is told that the server cannot start")
	}
}
