// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import "testing"

func TestSpaceIsCoarse(t *testing.T) {
	for _, c := range []struct{ data, free, wantData, wantFree int64 }{
		{0, 0, 0, 0}, {-1, -1, 0, 0}, {5, 5, 5, 5}, {8, 8, 8, 8}, {9, 9, 10, 8}, {15, 15, 16, 14},
		{1 << 40, 1 << 40, 1 << 40, 1 << 40}, {1<<40 + 1, 1<<40 - 1, 5 << 38, 7 << 37}, {1<<40 + 1000, 1<<40 - 1000, 5 << 38, 7 << 37},
	} {
		if got := MakeSpace(c.data, c.free); got.Data != c.wantData || got.Free != c.wantFree {
			t.Errorf("%d, %d: %+v", c.data, c.free, got)
		}
	}
}
