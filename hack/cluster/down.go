// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/quorate/quorate/hack/cluster/layout"
	"github.com/quorate/quorate/hack/cluster/mounts"
	"github.com/quorate/quorate/hack/cluster/network"
	"github.com/quorate/quorate/hack/cluster/storage"
)

// Down removes a cluster and everything that was made for it: processes, control groups, mounts, namespaces, the
// machine's link to it, files. It needs nothing of the cluster to be alive or complete, and succeeds if there is none.
func Down(ctx context.Context, name string, progress io.Writer) error {
	if os.Geteuid() != 0 {
		return errors.New("removing a local cluster needs root")
	}
	c, err := Open(name, progress)
	if errors.Is(err, ErrNone) {
		// One that died before its record was written may still have left a folder.
		if name == "" {
			name = layout.DefaultName
		}
		c, err = newCluster(layout.Cluster{Name: name}, progress)
	}
	if err != nil {
		return err
	}
	release, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := c.down(ctx); err != nil {
		return fmt.Errorf("removing cluster %s: %w", c.Name, err)
	}
	c.say("cluster %s is gone", c.Name)
	return nil
}

// down ends the processes first, since they hold on to everything else. The record is removed with the files, last, so
// that an interrupted removal can be repeated.
func (c *Cluster) down(ctx context.Context) error {
	if err := c.endProcesses(ctx); err != nil {
		return err
	}
	if err := c.groups.Remove(ctx, c.Cgroup()); err != nil {
		return err
	}
	if err := storage.Cleanup(c.Paths().Volumes()); err != nil {
		c.say("volumes are removed with the rest, since: %v", err)
	}
	if err := mounts.RemoveBelow(c.Paths().Dir); err != nil {
		return err
	}
	if c.Nodes > 0 { // else there is no record, hence no link, which was made after it.
		if err := network.RemoveHostLink(ctx, c.Cluster); err != nil {
			return err
		}
	}
	return c.removeFiles(ctx)
}

// endProcesses ends what was recorded, and then all that is in the cluster's control group.
func (c *Cluster) endProcesses(ctx context.Context) error {
	records, err := c.book().All()
	if err != nil {
		return err
	}
	for _, record := range records {
		if err := record.Stop(ctx, 0); err != nil {
			return fmt.Errorf("ending %s: %w", record.Name, err)
		}
	}
	return c.groups.Kill(ctx, c.Cgroup())
}

func (c *Cluster) removeFiles(ctx context.Context) error {
	// All but the record first.
	entries, err := os.ReadDir(c.Paths().Dir)
	if err != nil {
		return fmt.Errorf("listing the cluster's files: %w", err)
	}
	for _, entry := range entries {
		path := c.Paths().Dir + "/" + entry.Name()
		if path == c.Paths().Record() {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("removing the cluster's files: %w", err)
		}
	}
	release, err := lockFolder(ctx, layout.Root, nil)
	if err != nil {
		return err
	}
	defer release()
	if err := os.Remove(c.Paths().Record()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the cluster's record: %w", err)
	}
	if err := os.Remove(c.Paths().Dir); err != nil {
		return fmt.Errorf("removing the cluster's folder: %w", err)
	}
	return restoreHost()
}
