// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// format makes the image with its file system under another name first: an image with the right name is complete.
func (d disks) format(ctx context.Context, p place, size int64) error {
	fresh := d.unfinished(p)
	if err := os.WriteFile(fresh, nil, 0o600); err != nil {
		return fmt.Errorf("creating it: %w", err)
	}
	if err := os.Truncate(fresh, size); err != nil {
		return fmt.Errorf("giving it its size: %w", err)
	}
	// XFS is meant for 300 MiB and more, and asks to be told that less is wanted. Its default journal would take a
	// quarter of a small image, and features that serve clones and checks some more.
	err := run(ctx, "mkfs.xfs", "-q", "-f", "--unsupported", "-l", "size=5m", "-m", "reflink=0,rmapbt=0", fresh)
	if err != nil {
		return err
	}
	if err := os.Rename(fresh, d.image(p)); err != nil {
		return fmt.Errorf("giving it its name: %w", err)
	}
	return nil
}

// attach mounts the image of a volume of fixed size unless it is mounted, and does nothing for other kinds. It never
// makes a missing image: an empty volume in the place of one that held data would be worse than none.
func (d disks) attach(ctx context.Context, p place, k kind) error {
	if k != image {
		return nil
	}
	device, err := mountedDevice(d.path(p))
	if err != nil || device != "" {
		return err
	}
	// The loop device is released by the kernel with the last mount of it, also after a crash between the two.
	return run(ctx, "mount", "-t", "xfs", "-o", "loop", d.image(p), d.path(p))
}

// grow raises a mounted volume of fixed size to the given number of bytes, while it is in use, and does nothing for
// other kinds. It never shrinks one.
func (d disks) grow(ctx context.Context, p place, k kind, size int64) error {
	if k != image {
		return nil
	}
	info, err := os.Stat(d.image(p))
	if err != nil {
		return fmt.Errorf("looking for the image: %w", err)
	}
	if info.Size() < size {
		if err := os.Truncate(d.image(p), size); err != nil {
			return fmt.Errorf("enlarging the image: %w", err)
		}
	}
	device, err := mountedDevice(d.path(p))
	if err != nil {
		return err
	}
	if device == "" {
		return fmt.Errorf("the image is not mounted at %s", d.path(p))
	}
	if err := refreshSize(device); err != nil {
		return err
	}
	return run(ctx, "xfs_growfs", "-d", d.path(p))
}

// mountedDevice returns the path of the loop device that is mounted at the directory, or "" if none is: then it lies on
// the same device as its parent.
func mountedDevice(dir string) (string, error) {
	var own, parent unix.Stat_t
	if err := unix.Stat(dir, &own); err != nil {
		return "", fmt.Errorf("looking for the directory: %w", err)
	}
	if err := unix.Stat(filepath.Dir(dir), &parent); err != nil {
		return "", fmt.Errorf("looking for the node's directory: %w", err)
	}
	if own.Dev == parent.Dev {
		return "", nil
	}
	number := fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(own.Dev), unix.Minor(own.Dev))
	link, err := os.Readlink(number)
	if err != nil {
		return "", fmt.Errorf("finding the device mounted at %s: %w", dir, err)
	}
	return filepath.Join("/dev", filepath.Base(link)), nil
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

// refreshSize makes a loop device take over the size of its file.
func refreshSize(device string) error {
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("opening the loop device: %w", err)
	}
	err = unix.IoctlSetInt(int(f.Fd()), unix.LOOP_SET_CAPACITY, 0)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("enlarging loop device %s: %w", device, err)
	}
	return nil
}

// run runs a program and returns what it said if it fails.
func run(ctx context.Context, name string, args ...string) error {
	output, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("running %s: %w: %s", name, err, strings.TrimSpace(string(output)))
	}
	return nil
}
