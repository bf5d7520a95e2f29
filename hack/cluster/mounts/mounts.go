// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package mounts reads the table of what is mounted, and takes away all that is mounted below a folder.
package mounts

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount is one line of the table.
type Mount struct {
	// Point is where it is mounted.
	Point string
	// Kind is the type of file system.
	Kind string
}

// Read returns the table of this process's mount namespace, in the order of mounting.
func Read() ([]Mount, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("reading the table of mounts: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read.
	return parse(file)
}

// parse reads lines of ID, parent, device, root, mount point, options, optional fields, "-", type and more.
func parse(text io.Reader) ([]Mount, error) {
	var table []Mount
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		left, right, found := strings.Cut(lines.Text(), " - ")
		before, after := strings.Fields(left), strings.Fields(right)
		if !found || len(before) < 5 || len(after) < 1 {
			return nil, fmt.Errorf("reading the table of mounts: unexpected line %q", lines.Text())
		}
		table = append(table, Mount{Point: unescape(before[4]), Kind: after[0]})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the table of mounts: %w", err)
	}
	return table, nil
}

// unescape replaces the octal escapes, such as \040 for a blank, that stand for some characters of a path.
func unescape(path string) string {
	var plain strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+3 < len(path) {
			if n, err := strconv.ParseUint(path[i+1:i+4], 8, 8); err == nil {
				plain.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		plain.WriteByte(path[i])
	}
	return plain.String()
}

// Below returns the mounts at the folder and below it, the last mounted first.
func Below(table []Mount, folder string) []string {
	var points []string
	for i := len(table) - 1; i >= 0; i-- {
		if table[i].Point == folder || strings.HasPrefix(table[i].Point, folder+"/") {
			points = append(points, table[i].Point)
		}
	}
	return points
}

// EnsureShared makes the folder a mount of its own, such that what is mounted below it later is seen in the mount
// namespaces that were made from this one before.
func EnsureShared(folder string) error {
	table, err := Read()
	if err != nil {
		return err
	}
	for _, point := range Below(table, folder) {
		if point == folder {
			return nil
		}
	}
	if err := unix.Mount(folder, folder, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting %s over itself: %w", folder, err)
	}
	if err := unix.Mount("", folder, "", unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("sharing the mounts below %s: %w", folder, err)
	}
	return nil
}

// RemoveBelow takes away all mounts at the folder and below it. Those in use vanish from sight at once and for good
// when the last user has gone. It fails if any is still to be seen, so that who then removes the folder removes nothing
// else.
func RemoveBelow(folder string) error {
	table, err := Read()
	if err != nil {
		return err
	}
	for _, point := range Below(table, folder) {
		// An outer mount may have gone before, and taken this one with it.
		if err := unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil &&
			!errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("unmounting %s: %w", point, err)
		}
	}
	table, err = Read()
	if err != nil {
		return err
	}
	if left := Below(table, folder); len(left) > 0 {
		return fmt.Errorf("below %s these are still mounted: %s", folder, strings.Join(left, " "))
	}
	return nil
}
