// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   Series
		want time.Duration
	}{
		{nil, 0},
		{Series{3}, 3},
		{Series{9, 1, 5}, 5},
		{Series{8, 2, 4, 6}, 5},
	} {
		if got := c.of.Median(); got != c.want {
			t.Errorf("the median of %v is %v, want %v", c.of, got, c.want)
		}
	}
	if got := (Series{3 * time.Second, time.Second, 2500 * time.Millisecond}).Spread(); got != "2.50 (1.00–3.00)" {
		t.Errorf("the spread is %q", got)
	}
}
