// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"os/exec"
	"strings"
	"testing"
)

// TestThisHalfIsPure has the half that decides know nothing of the driver, nor of
// the half beside the servers.
func TestThisHalfIsPure(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("list what this package needs: %v", err)
	}
	for _, name := range strings.Fields(string(out)) {
		if strings.HasPrefix(name, "go.mongodb.org/") || strings.Contains(name, "/engine/mongodb/") {
			t.Errorf("it needs %s", name)
		}
	}
}
