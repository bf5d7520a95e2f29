// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

func TestRelease(t *testing.T) {
	dir := t.TempDir()
	l := newLocal(engine.LocalConfig{Member: "db-0", ConfigDir: dir}, "http://127.0.0.1:1")
	path := filepath.Join(dir, consul.FormFile)
	form := engine.Grant{Kind: engine.GrantForm, Size: 3}
	for _, c := range []struct {
		name   string
		marker engine.Marker
		want   string
	}{
		{"a join grant", engine.Marker{Grant: engine.Grant{Kind: engine.GrantJoin}}, ""},
		{"a form grant", engine.Marker{Grant: form}, "{\n  \"bootstrap_expect\": 3\n}\n"},
		{"the same again", engine.Marker{Grant: form}, "{\n  \"bootstrap_expect\": 3\n}\n"},
		{"once formed", engine.Marker{Grant: form, Formed: true}, ""},
		{"once formed, again", engine.Marker{Grant: form, Formed: true}, ""},
		{"no grant at all", engine.Marker{}, ""},
	} {
		if err := l.Release(c.marker); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("%s: the file holds %q, want %q", c.name, got, c.want)
		}
	}
	if err := l.Release(engine.Marker{Grant: engine.Grant{Kind: engine.GrantForm}}); err == nil {
		t.Error("a grant for no founders is accepted")
	}
}
