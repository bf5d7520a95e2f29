// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"os/exec"
	"strings"
	"testing"
)

// TestThisHalfIsPure has the half that decides know nothing of Consul's client, nor
// of the half beside the servers.
func TestThisHalfIsPure(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("list what this package needs: %v", err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(name, "github.com/hashicorp/consul/") || strings.HasSuffix(name, "/consul/consulagent") {
			t.Errorf("it needs %s", name)
		}
	}
}
