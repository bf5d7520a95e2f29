// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"testing"

	"github.com/quorate/quorate/internal/engine"
)

func TestFull(t *testing.T) {
	const mib = 1 << 20
	for name, tt := range map[string]struct {
		room room
		was  bool
		want bool
	}{
		"nothing left":                {room{0, 64 * mib}, false, true},
		"under a fiftieth":            {room{mib, 64 * mib}, false, true},
		"over a fiftieth":             {room{2 * mib, 64 * mib}, false, false},
		"a little more than before":   {room{2 * mib, 64 * mib}, true, true},
		"twice a fiftieth":            {room{3 * mib, 64 * mib}, true, false},
		"under a fiftieth of a large": {room{100 * mib, 100000 * mib}, false, false},
		"next to nothing of a large":  {room{63 * mib, 100000 * mib}, false, true},
		"a size that is not told":     {room{0, 0}, false, false},
	} {
		if got := tt.room.full(tt.was); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestFullAsksTheFileSystem(t *testing.T) {
	dir := t.TempDir()
	v, err := Open(dir, Identity{}, func([]string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Full(); err != nil || v.Snapshot().State != engine.VolumeEmpty {
		t.Errorf("%v", err)
	}
	v.dir += "/nowhere"
	if _, err := v.Full(); err == nil {
		t.Error("a folder that is not there has room")
	}
}
