// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/engine"
)

// graph lists, for each release that the engine knows, those that may follow it.
// It is not a line of numbers: some releases can be left out.
var graph = map[string][]string{
	"7.0": {"8.0"},
	"8.0": {},
}

// releases are those of the graph, the oldest first.
var releases = []string{"7.0", "8.0"}

// versionForm takes the release alone, or a patch version of it.
var versionForm = regexp.MustCompile(`^(\d+\.\d+)(\.\d+)?(-[0-9A-Za-z.]+)?$`)

// release returns the two numbers that a version begins with; empty where they
// are not known to the engine.
func release(version string) string {
	parts := versionForm.FindStringSubmatch(version)
	if parts == nil || !slices.Contains(releases, parts[1]) {
		return ""
	}
	return parts[1]
}

// Upgrade lets a server be followed by one of the same release, by one that
// follows it in the graph once the set has its own release's features, and by one
// before it for as long as the set still has that one's.
func (Engine) Upgrade(running engine.Server, wanted string) error {
	from, to := release(running.Version), release(wanted)
	if from == "" || to == "" {
		return fmt.Errorf("a server of the version %q would be followed by %q, and this version of the operator knows %s only: set spec.version to one that it knows, or use an operator that knows both",
			running.Version, wanted, strings.Join(releases, ", "))
	}
	return upgrade(graph, from, to, running.Facts[FactFeatures])
}

// upgrade judges by a graph, two releases and the feature compatibility version;
// empty where the server does not say.
func upgrade(graph map[string][]string, from, to, features string) error {
	switch {
	case from == to:
		return nil
	case slices.Contains(graph[from], to):
		if features != from {
			return fmt.Errorf("a server of %s cannot be followed by %s while the set has the features of %q: wait until they are raised to %s", from, to, features, from)
		}
	case slices.Contains(graph[to], from):
		if features != to {
			return fmt.Errorf("a server of %s cannot be followed by %s, since the set may have the features of %q already: set spec.version to %s, or restore a backup into another Datastore", from, to, features, from)
		}
	default:
		return fmt.Errorf("a server of %s cannot be followed by %s: set spec.version to one of %s first", from, to, strings.Join(graph[from], ", "))
	}
	return nil
}
