// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package stats says much with few numbers.
package stats

import (
	"fmt"
	"slices"
	"time"
)

// Series are measurements of the same thing.
type Series []time.Duration

// Median is the middle one, or the mean of the two in the middle; zero where
// there is none.
func (s Series) Median() time.Duration {
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

// Spread is median, minimum and maximum, in seconds.
func (s Series) Spread() string {
	if len(s) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median().Seconds(), slices.Min(s).Seconds(), slices.Max(s).Seconds())
}
