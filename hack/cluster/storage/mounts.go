// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mount is one line of the kernel's table.
type mount struct {
	point  string
	source string
}

// mountTable is the kernel's table, in the order of mounting. It is the only record of what is mounted that cannot be
// out of date after a crash.
type mountTable []mount

func readMounts() (mountTable, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("reading the mount table: %w", err)
	}
	defer func() { _ = f.Close() }() // Only read from.
	return parseMounts(f)
}

// parseMounts reads the table: ID, parent, device, root, mount point, options, optional fields, "-", type, source.
func parseMounts(r io.Reader) (mountTable, error) {
	var table mountTable
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		before, after, found := strings.Cut(lines.Text(), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !found || len(left) < 6 || len(right) < 2 {
			return nil, fmt.Errorf("reading the mount table: unexpected line %q", lines.Text())
		}
		table = append(table, mount{point: unescape(left[4]), source: unescape(right[1])})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the mount table: %w", err)
	}
	return table, nil
}

// unescape replaces the octal escapes, such as \040 for a blank, of a path in the table.
func unescape(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+3 < len(path) {
			if n, err := strconv.ParseUint(path[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

// at returns the sources of all that is mounted at exactly this path, the topmost last.
func (t mountTable) at(path string) []string {
	var sources []string
	for _, m := range t {
		if m.point == path {
			sources = append(sources, m.source)
		}
	}
	return sources
}

// below returns the mount points at or below the directory, those mounted last first.
func (t mountTable) below(dir string) []string {
	var points []string
	for i := len(t) - 1; i >= 0; i-- {
		if t[i].point == dir || strings.HasPrefix(t[i].point, dir+string(filepath.Separator)) {
			points = append(points, t[i].point)
		}
	}
	return points
}

// unmount takes away all that is mounted at exactly this path.
func unmount(path string) error {
	for {
		err := unix.Unmount(path, 0)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			return nil // Not a mount point, or nothing there.
		}
		if err != nil {
			return fmt.Errorf("unmounting %s: %w", path, err)
		}
	}
}
