// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import "testing"

func TestSettingsHash(t *testing.T) {
	if h := SettingsHash(nil); h != "" {
		t.Errorf("no files have the hash %q", h)
	}
	seen := map[string]int{}
	for i, files := range []map[string]string{
		{"a": ""}, {"a": "b"}, {"ab": ""}, {"a": "b", "c": "d"}, {"a": "bc", "d": ""}, {"c": "d", "a": "x"},
	} {
		h := SettingsHash(files)
		if other, taken := seen[h]; taken {
			t.Errorf("files %d and %d have the same hash", i, other)
		}
		seen[h] = i
	}
	if SettingsHash(map[string]string{"a": "b", "c": "d"}) != SettingsHash(map[string]string{"c": "d", "a": "b"}) {
		t.Error("the order of the names counts")
	}
}
