// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/quorate/quorate/hack/cluster/layout"
)

// defaultNodes is the size of a cluster when none is asked for.
const defaultNodes = 3

// claim finds the cluster, or chooses its address range and writes its record. It is done under a lock on all clusters,
// since two that are made at the same time must not choose the same range.
func claim(ctx context.Context, name string, nodes int, progress io.Writer) (*Cluster, error) {
	release, err := lockFolder(ctx, layout.Root, nil)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := prepareHost(); err != nil {
		return nil, err
	}
	c, err := Open(name, progress)
	if errors.Is(err, ErrNone) {
		c, err = create(name, nodes, progress)
	}
	if err != nil {
		return nil, err
	}
	if nodes != 0 && nodes < c.Nodes {
		return nil, fmt.Errorf("cluster %s has %d nodes and cannot shrink to %d: remove it first with: cluster down",
			c.Name, c.Nodes, nodes)
	}
	c.Nodes = max(c.Nodes, nodes)
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, c.save()
}

func create(name string, nodes int, progress io.Writer) (*Cluster, error) {
	if nodes == 0 {
		nodes = defaultNodes
	}
	slot, err := freeSlot(name)
	if err != nil {
		return nil, err
	}
	known := layout.Cluster{Name: name, Slot: slot, Nodes: nodes}
	if err := known.Validate(); err != nil {
		return nil, err
	}
	return newCluster(known, progress)
}

func freeSlot(name string) (int, error) {
	names, err := clusterNames()
	if err != nil {
		return 0, err
	}
	var used []int
	for _, other := range names {
		c, err := Open(other, io.Discard)
		if errors.Is(err, ErrNone) {
			continue // not even its record was written.
		}
		if err != nil {
			return 0, err
		}
		used = append(used, c.Slot)
	}
	text, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return 0, fmt.Errorf("reading the machine's routes: %w", err)
	}
	routes, err := layout.ParseRoutes(string(text), isClusterLink)
	if err != nil {
		return 0, err
	}
	return layout.ChooseSlot(name, used, routes)
}

// isClusterLink tells whether a link is a cluster's, whose routes are known by its slot, or a leftover of one.
func isClusterLink(name string) bool { return strings.HasPrefix(name, "quorate") }
