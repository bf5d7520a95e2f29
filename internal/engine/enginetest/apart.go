// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// ExpectApart asserts that the package under test needs none of the packages whose
// paths a rule forbids, nor does anything that it imports: what decides for an engine
// has no client of its servers, and knows nothing of the half that has.
func ExpectApart(t *testing.T, forbidden func(path string) bool) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("list what this package needs: %v", err)
	}
	needs := slices.DeleteFunc(strings.Fields(string(out)), func(path string) bool { return !forbidden(path) })
	if len(needs) > 0 {
		t.Errorf("it needs %s", strings.Join(needs, ", "))
	}
}
