// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package stats

import "slices"

// Numbers are counts of the same thing.
type Numbers []int

// Median is the middle one, or the lower of the two in the middle; zero where
// there is none.
func (n Numbers) Median() int {
	if len(n) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(n))[(len(n)-1)/2]
}
