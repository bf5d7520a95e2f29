// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package release

import "testing"

func TestReleases(t *testing.T) {
	for version, want := range map[string]struct {
		wire  int32
		takes map[string]bool
	}{
		"7.0.14": {21, map[string]bool{"": true, "6.0": true, "7.0": true, "8.0": false}},
		"8.0.4":  {25, map[string]bool{"": true, "6.0": false, "7.0": true, "8.0": true}},
	} {
		r, err := Of(version)
		if err != nil || r.Version != version || r.MaxWire != want.wire || r.Array()[1] != 0 {
			t.Errorf("%s: %+v, %v", version, r, err)
		}
		for fcv, takes := range want.takes {
			if r.Takes(fcv) != takes {
				t.Errorf("%s takes data of %q: %v", version, fcv, !takes)
			}
		}
	}
	for _, version := range []string{"", "8.0", "9.0.1"} {
		if _, err := Of(version); err == nil {
			t.Errorf("there is a release %q", version)
		}
	}
}
