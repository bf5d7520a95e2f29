// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build realconsul

package consulagent

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/engine"
)

// TestRealKeysCutShort has a server die in the middle of writing its keys: it does
// not start with what it left, until its agent has mended that.
func TestRealKeysCutShort(t *testing.T) {
	c := newCluster(t)
	c.form(3)
	c.mountKeys(testGossip, "", "")
	c.awaitKeys(testGossip)

	s := c.members[(engine.OrdinalOf(c.leader().name)+1)%3]
	s.kill()
	leaveKeys(t, s.local, `[
  "`+testGossip[:20], time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, s.binary, "agent", "-config-dir="+filepath.Join(s.dir, "config")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "unexpected end of JSON input") {
		t.Fatalf("a server starts with half of its keys: %v, %s", err, out)
	}

	s.observe() // as the agent does between the tries of the kubelet
	s.start()
	c.awaitVoters(3, time.Minute)
	c.awaitKeys(testGossip)
}
