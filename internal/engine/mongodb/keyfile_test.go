// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/test/mongosim/auth"
)

// A key file is read by the server, or its double, as the keys that are mounted, and
// has them in that order; it is told of by their hashes.
func TestKeyFile(t *testing.T) {
	one, two := strings.Repeat("One+", 252), strings.Repeat("/two", 252)
	for name, c := range map[string]struct {
		mounted map[string][]byte
		want    []string
	}{
		"one":           {map[string][]byte{CredentialKeyFile: []byte(one)}, []string{one}},
		"two":           {map[string][]byte{CredentialKeyFile: []byte(one), engine.NextKey(CredentialKeyFile): []byte(two)}, []string{one, two}},
		"not a third":   {map[string][]byte{CredentialKeyFile: []byte(one), engine.NextKey(CredentialKeyFile): []byte(two), engine.FormerKey(CredentialKeyFile): []byte(one)}, []string{one, two}},
		"other secrets": {map[string][]byte{CredentialKeyFile: []byte(two), CredentialAgent: []byte("x")}, []string{two}},
	} {
		file := KeyFileOf(func(key string) []byte { return c.mounted[key] })
		got, err := auth.ParseKeys(file)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
		var hashes []string
		for _, k := range c.want {
			hashes = append(hashes, engine.KeyHash([]byte(k)))
		}
		if diff := cmp.Diff(hashes, KeyHashes(file)); diff != "" {
			t.Errorf("%s is told of as\n%s", name, diff)
		}
	}
	if got := KeyFileOf(func(string) []byte { return nil }); len(got) > 0 || KeyHashes(got) != nil {
		t.Errorf("of nothing: %q", got)
	}
}
