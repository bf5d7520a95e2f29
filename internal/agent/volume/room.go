// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// atMost is the room that a large volume has to have: a server needs some to tidy up.
const atMost = 64 << 20

// room is how much of a volume can be written to yet, in bytes.
type room struct{ left, size uint64 }

// full tells whether that is next to nothing: a fiftieth of the volume, and of a large
// one 64 MiB. One that was full is so until there is twice as much, or a server that
// writes to it and removes what it wrote would have it reported again and again.
func (r room) full(was bool) bool {
	need := min(r.size/50, atMost)
	if was {
		need *= 2
	}
	return r.left < need
}

// Full looks how much room there is. What the file system keeps for root counts as
// taken.
func (v *Volume) Full() (bool, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(v.dir, &s); err != nil {
		return false, fmt.Errorf("ask how much room there is on the volume: %w", err)
	}
	block := uint64(s.Bsize)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.full = room{left: s.Bavail * block, size: s.Blocks * block}.full(v.full)
	return v.full, nil
}
