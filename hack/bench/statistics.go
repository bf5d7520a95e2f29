// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"time"
)

// series are measurements of the same thing.
type series []time.Duration

// median is the middle one, or the mean of the two in the middle; zero where
// there is none.
func (s series) median() time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// spread is median, minimum and maximum, in seconds.
func (s series) spread() string {
	if len(s) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.median().Seconds(), slices.Min(s).Seconds(), slices.Max(s).Seconds())
}
