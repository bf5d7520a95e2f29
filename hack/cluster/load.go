// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/quorate/quorate/hack/cluster/layout"
)

// Load imports the images of the archives (as "docker save" writes them) into every node's containerd, the nodes side by
// side. A node that is off cannot be loaded, which is an error; the others are.
func (c *Cluster) Load(ctx context.Context, archives ...string) error {
	if err := c.findTools(ctx); err != nil {
		return err
	}
	paths := make([]string, 0, len(archives))
	for _, archive := range archives {
		path, err := filepath.Abs(archive)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return fmt.Errorf("looking for the image archive %s: %w", archive, err)
		}
		paths = append(paths, path)
	}
	var group errgroup.Group // without a shared context: one node's failure does not stop the others.
	for _, node := range c.NodeList() {
		group.Go(func() error { return c.loadInto(ctx, node, paths) })
	}
	return group.Wait() //nolint:wrapcheck // these are errors of this package.
}

func (c *Cluster) loadInto(ctx context.Context, node layout.Node, archives []string) error {
	if _, err := c.book().Find(processName(node, containerd)); err != nil {
		return fmt.Errorf("loading images into node %s, which is off: %w", node.Name, err)
	}
	for _, archive := range archives {
		if err := c.importImage(ctx, node, archive); err != nil {
			return err
		}
		c.say("%s is on %s", filepath.Base(archive), node.Name)
	}
	return nil
}
