// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/engine"
)

// runningForm also takes what a process adds to its version, such as +ent.
var runningForm = regexp.MustCompile(`^v?(\d+\.\d+)\.\d+([-+].*)?$`)

// Upgrade lets a server be followed by one of the same release or of the next,
// either way: the releases that are known keep the same things in the log and
// in snapshots of it, and were tried both ways on each other's data. Patch
// versions do not matter.
func (Engine) Upgrade(running engine.Server, wanted string) error {
	return upgrade(releases, running.Version, wanted)
}

// upgrade judges by a list of releases, the oldest first.
func upgrade(releases []string, running, wanted string) error {
	var at [2]int
	for i, version := range []string{running, wanted} {
		parts := runningForm.FindStringSubmatch(version)
		if parts != nil {
			at[i] = slices.Index(releases, parts[1])
		}
		if parts == nil || at[i] < 0 {
			return fmt.Errorf("a server of the version %q would be followed by %q, of which this version of the operator knows nothing about %q: "+
				"set spec.version to the one that runs, or use an operator that knows both; this one knows %s",
				running, wanted, version, strings.Join(releases, ", "))
		}
	}
	step := 1
	if at[1] < at[0] {
		step = -1
	}
	if next := at[0] + step; at[0] != at[1] && next != at[1] {
		return fmt.Errorf("a server of the version %s cannot be followed by %s, which is more than one release away: set spec.version to a version of %s first",
			running, wanted, releases[next])
	}
	return nil
}
