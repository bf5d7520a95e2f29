// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cassandra

import (
	"os/exec"
	"strings"
	"testing"
)

// TestThisHalfIsPure has the half that decides know nothing of Cassandra's driver, nor
// of the half beside the servers.
func TestThisHalfIsPure(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("list what this package needs: %v", err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(name, "github.com/apache/cassandra-gocql-driver/") || strings.HasSuffix(name, "/cassandra/node") {
			t.Errorf("it needs %s", name)
		}
	}
}
