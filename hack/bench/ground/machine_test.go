// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package ground

import "testing"

func TestBusy(t *testing.T) {
	before, err := parseTimes("cpu  100 0 100 700 100 0 0 0 0 0")
	if err != nil {
		t.Fatal(err)
	}
	after, err := parseTimes("cpu  150 0 125 750 150 0 0 25 0 0")
	if err != nil {
		t.Fatal(err)
	}
	if got := busy(before, after); got != 0.5 {
		t.Errorf("%v of the time was busy, want half", got)
	}
	if busy(before, before) != 0 {
		t.Error("no time at all was busy")
	}
	for _, line := range []string{"", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3", "cpu 1 2 3 4 5 six 7 8"} {
		if _, err := parseTimes(line); err == nil {
			t.Errorf("%q was understood", line)
		}
	}
}
