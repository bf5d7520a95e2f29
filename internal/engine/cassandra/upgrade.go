// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cassandra

import (
	"fmt"
	"regexp"

	"github.com/quorate/quorate/internal/engine"
)

// series is the only one that this version of the operator knows.
const series = "5.0"

// versionForm takes the series alone, or a patch version of it.
var versionForm = regexp.MustCompile(`^(\d+\.\d+)(\.\d+)?(-[0-9A-Za-z.]+)?$`)

func known(version string) bool {
	parts := versionForm.FindStringSubmatch(version)
	return parts != nil && parts[1] == series
}

// Upgrade lets a server be followed by any patch version of the series.
func (Engine) Upgrade(running engine.Server, wanted string) error {
	if known(running.Version) && known(wanted) {
		return nil
	}
	return fmt.Errorf("a server of the version %q would be followed by %q, and this version of the operator knows %s only: set spec.version to one of that series",
		running.Version, wanted, series)
}
