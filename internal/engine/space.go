// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import "math/bits"

// Space is what a server has on its volume, and what is free there, in bytes. Both are
// coarse, see MakeSpace: a report that told of each write would never be the same twice.
type Space struct {
	Data int64 `json:"data"`
	Free int64 `json:"free"`
}

// spaceBits is how many of the leading bits of a number of bytes are told: a change of less
// than an eighth is none.
const spaceBits = 3

// MakeSpace rounds what there is to be moved up, and the room for it down.
func MakeSpace(data, free int64) *Space {
	data, free = max(0, data), max(0, free)
	up := coarse(data)
	if up < data {
		up += 1 << max(0, bits.Len64(uint64(data))-spaceBits)
	}
	return &Space{Data: up, Free: coarse(free)}
}

// coarse keeps the leading bits.
func coarse(n int64) int64 {
	drop := max(0, bits.Len64(uint64(n))-spaceBits)
	return n >> drop << drop
}
