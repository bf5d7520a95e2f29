// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"strings"

	"github.com/quorate/quorate/internal/engine"
)

// KeyFileOf is the key file of what a member has mounted: the keys that the Secret has,
// the present one first. A server takes two at most, accepts each, and tries one after
// the other with a peer, so that two servers with one in common understand each other.
// One key alone is written as it is, as it was before keys could be rotated.
func KeyFileOf(mounted func(key string) []byte) []byte {
	var keys []string
	for _, name := range []string{CredentialKeyFile, engine.NextKey(CredentialKeyFile)} {
		if key := mounted(name); len(key) > 0 {
			keys = append(keys, string(key))
		}
	}
	if len(keys) == 1 {
		return []byte(keys[0])
	}
	var out strings.Builder
	for _, key := range keys {
		out.WriteString("- \"" + key + "\"\n")
	}
	return []byte(out.String())
}

// Keys are those in a key file, the first one first.
func Keys(file []byte) []string {
	if len(file) == 0 {
		return nil
	}
	if !strings.HasPrefix(string(file), "- ") {
		return []string{string(file)}
	}
	var out []string
	for line := range strings.Lines(string(file)) {
		out = append(out, strings.Trim(strings.TrimPrefix(line, "- "), "\"\n"))
	}
	return out
}

// KeyHashes are those of the keys in a key file.
func KeyHashes(file []byte) []string {
	var out []string
	for _, key := range Keys(file) {
		out = append(out, engine.KeyHash([]byte(key)))
	}
	return out
}
