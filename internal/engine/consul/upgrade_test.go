// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/engine"
)

func TestUpgrade(t *testing.T) {
	for _, c := range []struct{ running, wanted, want string }{
		{"1.21.5", "1.22.3", ""},
		{"1.22.3", "1.21.5", ""},
		{"1.22.3", "1.22.3", ""},
		{"1.22.0", "1.22.11", ""},
		{"1.22.11", "1.22.0", ""},
		{"1.21.5+ent", "1.22.3", ""},
		{"1.22.0-rc1", "1.21.0", ""},
		{"v1.22.3-dev+abc", "1.22.3", ""},
		{"1.20.1", "1.22.3", `knows nothing about "1.20.1": set spec.version to the one that runs`},
		{"1.22.3", "1.23.0", `knows nothing about "1.23.0"`},
		{"1.22.3", "2.22.0", `knows nothing about "2.22.0"`},
		{"", "1.22.3", `knows nothing about ""`},
		{"1.22", "1.22.3", `knows nothing about "1.22"`},
		{"11.22.3", "1.22.3", `this one knows 1.21, 1.22`},
	} {
		checkUpgrade(t, Engine{}.Upgrade(engine.Server{Version: c.running}, c.wanted), c.running, c.wanted, c.want)
	}
	four := []string{"1.20", "1.21", "1.22", "1.23"}
	for _, c := range []struct{ running, wanted, want string }{
		{"1.20.1", "1.21.5", ""},
		{"1.20.1", "1.22.3", "set spec.version to a version of 1.21 first"},
		{"1.20.1", "1.23.0", "set spec.version to a version of 1.21 first"},
		{"1.23.0", "1.20.1", "set spec.version to a version of 1.22 first"},
		{"1.23.0", "1.22.3", ""},
	} {
		checkUpgrade(t, upgrade(four, c.running, c.wanted), c.running, c.wanted, c.want)
	}
}

func checkUpgrade(t *testing.T, err error, running, wanted, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s to %s: %v", running, wanted, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s to %s: got %v, want %q", running, wanted, err, want)
	}
}
