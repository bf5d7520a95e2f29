// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// disks keeps volumes below one directory of the host, which holds nothing else. Everything it does can be repeated
// after a crash at any point. It expects not to be called twice at the same time for the same volume.
type disks struct {
	dir string // Absolute, without symbolic links.
}

// place names a volume on the host.
type place struct {
	node, volume string
}

// path is the directory that a pod sees.
func (d disks) path(p place) string { return filepath.Join(d.dir, p.node, p.volume) }

// image is the file below the directory of a volume of fixed size.
func (d disks) image(p place) string { return d.path(p) + ".img" }

// unfinished is the image while its file system is being made.
func (d disks) unfinished(p place) string { return d.image(p) + ".new" }

// placeOf returns the place that a path names. It refuses a path that is not exactly one of ours, since the path comes
// from an object that anybody with the right to edit volumes may have written, and what it names will be removed.
func (d disks) placeOf(path, volume string) (place, error) {
	node := filepath.Base(filepath.Dir(path))
	p := place{node: node, volume: volume}
	if path != d.path(p) || strings.Trim(node, ".") == "" || strings.Trim(volume, ".") == "" {
		return place{}, fmt.Errorf("path %s of volume %s is not below %s", path, volume, d.dir)
	}
	return p, nil
}

// create makes the volume, size in bytes, and removes what an earlier attempt made of it on other nodes. It must only
// be called while no object of the volume exists.
func (d disks) create(ctx context.Context, p place, k kind, size int64) error {
	if err := d.removeElsewhere(p); err != nil {
		return err
	}
	if err := os.MkdirAll(d.path(p), 0o755); err != nil {
		return fmt.Errorf("making the directory: %w", err)
	}
	if k != image {
		return nil
	}
	_, err := os.Stat(d.image(p))
	if errors.Is(err, fs.ErrNotExist) {
		err = d.format(ctx, p, size)
	}
	if err != nil {
		return fmt.Errorf("making the image: %w", err)
	}
	if err := d.attach(ctx, p, k); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(d.path(p), "lost+found"), 0o700); err != nil {
		return fmt.Errorf("making lost+found: %w", err)
	}
	// The claim may have grown since the image was made.
	return d.grow(ctx, p, k, size)
}

// remove takes the volume away: mounts, data, image. It succeeds when nothing is left, whether or not there was
// anything. It fails, and can be repeated, while a process of the host has files open in a mounted volume.
func (d disks) remove(p place) error {
	if err := unmount(d.path(p)); err != nil {
		return err
	}
	if err := os.RemoveAll(d.path(p)); err != nil {
		return fmt.Errorf("removing the directory: %w", err)
	}
	for _, path := range []string{d.unfinished(p), d.image(p)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the image: %w", err)
		}
	}
	return nil
}

// removeElsewhere removes what there is of the volume on nodes other than its own.
func (d disks) removeElsewhere(p place) error {
	nodes, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("listing nodes: %w", err)
	}
	for _, node := range nodes {
		if !node.IsDir() || node.Name() == p.node {
			continue
		}
		if err := d.remove(place{node: node.Name(), volume: p.volume}); err != nil {
			return fmt.Errorf("removing an earlier attempt on node %s: %w", node.Name(), err)
		}
	}
	return nil
}
