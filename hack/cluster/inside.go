// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"

	"github.com/quorate/quorate/hack/cluster/daemon"
)

// Inside returns the command line that runs a command where the named node's processes run: in its network and with its
// mounts. Without a name it is the control plane's network.
func (c *Cluster) Inside(nodeName string, argv ...string) ([]string, error) {
	if nodeName == "" {
		return append(daemon.Inside(c.Paths().ControlPlaneNetNS(), 0), argv...), nil
	}
	node, err := c.FindNode(nodeName)
	if err != nil {
		return nil, err
	}
	holder, err := c.book().Find(processName(node, machine))
	if err != nil {
		return nil, fmt.Errorf("node %s is off: %w", node.Name, err)
	}
	return append(daemon.Inside(c.Paths().NodeNetNS(node), holder.PID), argv...), nil
}
