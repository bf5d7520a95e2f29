// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// settingsHashBytes is how much of a SHA-256 is kept.
const settingsHashBytes = 16

// SettingsHash names a set of files by what is in them, in lower-case
// hexadecimal. Manager and agent compare by it what is wanted and what a
// process has; it is empty for no files at all.
func SettingsHash(files map[string]string) string {
	if len(files) == 0 {
		return ""
	}
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		_, _ = fmt.Fprintf(sum, "%d:%s%d:%s", len(name), name, len(files[name]), files[name]) // a hash does not fail
	}
	return hex.EncodeToString(sum.Sum(nil)[:settingsHashBytes])
}
