// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/quorate/quorate/hack/cluster/layout"
	"github.com/quorate/quorate/hack/cluster/network"
	"github.com/quorate/quorate/hack/toolchain"
)

// NodeDown takes a node's power away: it is off the network and all of its processes are dead, its pods' included, by
// the time this returns. What was on its disk stays. Kubernetes is left to find out by itself.
func (c *Cluster) NodeDown(ctx context.Context, name string) error {
	return c.onNode(ctx, name, func(node layout.Node) error {
		if err := network.PowerOff(ctx, c.Cluster, node); err != nil {
			return err
		}
		if err := c.clearCgroup(ctx, node); err != nil {
			return err
		}
		if err := network.RemoveNode(ctx, c.Cluster, node); err != nil {
			return err
		}
		for _, process := range nodeProcesses() {
			if err := c.book().Forget(processName(node, process)); err != nil {
				return err
			}
		}
		c.say("node %s is off", node.Name)
		return nil
	})
}

// NodeUp switches a node on, and waits until it takes pods. If it was on, it is only connected again.
func (c *Cluster) NodeUp(ctx context.Context, name string) error {
	return c.onNode(ctx, name, func(node layout.Node) error {
		if err := c.findTools(ctx); err != nil {
			return err
		}
		pause, err := pauseImage(ctx, c.progress)
		if err != nil {
			return err
		}
		if err := c.startMachine(ctx, node, pause); err != nil {
			return err
		}
		if err := c.startKubelet(node); err != nil {
			return err
		}
		return c.awaitNode(ctx, node)
	})
}

// Partition cuts a node off from the other nodes, the control plane and the machine. Its processes go on.
func (c *Cluster) Partition(ctx context.Context, name string) error {
	return c.onNode(ctx, name, func(node layout.Node) error {
		if err := network.SetNodePort(ctx, c.Cluster, node, false); err != nil {
			return err
		}
		c.say("node %s is cut off", node.Name)
		return nil
	})
}

// Heal ends a partition, and waits until the node takes pods.
func (c *Cluster) Heal(ctx context.Context, name string) error {
	return c.onNode(ctx, name, func(node layout.Node) error {
		if err := network.SetNodePort(ctx, c.Cluster, node, true); err != nil {
			return err
		}
		return c.awaitNode(ctx, node)
	})
}

// APIServerDown kills the API server. Everything else goes on as well as it can without.
func (c *Cluster) APIServerDown(ctx context.Context) error {
	release, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	records, err := c.book().All()
	if err != nil {
		return err
	}
	for _, record := range records {
		if record.Name != apiServer {
			continue
		}
		if err := record.Stop(ctx, 0); err != nil {
			return fmt.Errorf("killing the API server of cluster %s: %w", c.Name, err)
		}
	}
	c.say("the API server is down")
	return nil
}

// APIServerUp starts the API server again, and waits until it is ready.
func (c *Cluster) APIServerUp(ctx context.Context) error {
	release, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := c.findTools(ctx); err != nil {
		return err
	}
	return c.startAPI(ctx)
}

func (c *Cluster) onNode(ctx context.Context, name string, do func(layout.Node) error) error {
	node, err := c.FindNode(name)
	if err != nil {
		return err
	}
	release, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	return do(node)
}

func (c *Cluster) awaitNode(ctx context.Context, node layout.Node) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	process, err := c.book().Find(processName(node, kubelet))
	if err != nil {
		return fmt.Errorf("node %s is off: %w", node.Name, err)
	}
	since := time.Now()
	if err := c.await(ctx, "node "+node.Name+" to be ready", func(ctx context.Context) error {
		return c.nodesReady(ctx, api, []layout.Node{node}, since)
	}, process); err != nil {
		return err
	}
	c.say("node %s is ready", node.Name)
	return nil
}

// findTools finds the programs that are about to be started.
func (c *Cluster) findTools(ctx context.Context) error {
	tools, err := toolchain.Ensure(ctx, c.progress, requiredTools()...)
	if err != nil {
		return fmt.Errorf("building what a local cluster needs: %w", err)
	}
	c.tools = tools
	return nil
}
