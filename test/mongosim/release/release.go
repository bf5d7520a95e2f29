// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package release is what differs between the releases that the double stands for.
package release

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Release is one of them.
type Release struct {
	// Version has three numbers.
	Version string
	// MaxWire is the newest wire protocol.
	MaxWire int32
	// FCV is the newest feature compatibility version, Accepts those of data that it starts on.
	FCV     string
	Accepts []string
}

var series = []Release{
	{Version: "7.0", MaxWire: 21, FCV: "7.0", Accepts: []string{"6.0", "7.0"}},
	{Version: "8.0", MaxWire: 25, FCV: "8.0", Accepts: []string{"7.0", "8.0"}},
}

// Of returns the release of a version.
func Of(version string) (Release, error) {
	parts := strings.Split(version, ".")
	if len(parts) == 3 {
		for _, r := range series {
			if r.Version == parts[0]+"."+parts[1] {
				r.Version = version
				return r, nil
			}
		}
	}
	return Release{}, fmt.Errorf("there is no release %q to stand for", version)
}

// Takes reports whether the release starts on data of a feature compatibility version; empty data has none.
func (r Release) Takes(fcv string) bool { return fcv == "" || slices.Contains(r.Accepts, fcv) }

// Array is the version as four numbers.
func (r Release) Array() []int32 {
	numbers := make([]int32, 0, 4)
	for part := range strings.SplitSeq(r.Version, ".") {
		n, _ := strconv.ParseInt(part, 10, 32) // checked by Of, as far as it matters.
		numbers = append(numbers, int32(n))
	}
	return append(numbers, 0)
}
