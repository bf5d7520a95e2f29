// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReloadableSettingsAreDescribed compares the guide with the catalogue.
func TestReloadableSettingsAreDescribed(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/guide/consul.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(guide), "### Settings that a running server takes up\n")
	part, _, found := strings.Cut(rest, "\n### ")
	if !found {
		t.Fatal("the guide does not say which settings a running server takes up")
	}
	var described, reload []string
	for path, s := range settings.Known {
		if s.Reload {
			reload = append(reload, path)
		}
	}
	code := regexp.MustCompile("`([^`]+)`")
	for line := range strings.Lines(part) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			continue
		}
		prefix := strings.Trim(cells[1], " `")
		if prefix != "" {
			prefix += "."
		}
		if strings.TrimSpace(cells[2]) == "all" {
			for path := range settings.Known {
				if strings.HasPrefix(path, prefix) {
					described = append(described, path)
				}
			}
		}
		for _, name := range code.FindAllStringSubmatch(cells[2], -1) {
			described = append(described, prefix+name[1])
		}
	}
	slices.Sort(described)
	slices.Sort(reload)
	if diff := cmp.Diff(reload, described); diff != "" {
		t.Errorf("reloadable settings (-known +described):\n%s", diff)
	}
}
