// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package network makes the network of a local cluster: a namespace for the control plane with a bridge in it, a
// namespace for each node, and one link by which the machine itself is on the bridge. Nothing has a way out: no
// namespace has a default route, and the machine is not made to forward anything. All of it disappears when the
// namespaces do.
package network

import (
	"fmt"

	"github.com/quorate/quorate/hack/cluster/layout"
)

const (
	bridge   = "br0"  // in the control plane's namespace.
	hostPort = "host" // the machine's port of the bridge.
	nodeLink = "eth0" // in each node's namespace.
)

// port is a node's port of the bridge.
func port(node layout.Node) string { return fmt.Sprintf("node-%d", node.Number) }

// The functions below return commands for "ip -batch". Links are listed apart from the rest, since a link can be made
// only once, while the rest may be said again.

// controlPlaneLink makes the bridge.
func controlPlaneLink(c layout.Cluster) string {
	return "link add " + bridge + " address " + c.Network().ControlPlaneMAC() + " type bridge"
}

func controlPlaneSettings(c layout.Cluster) []string {
	plan := c.Network()
	lines := []string{
		"link set lo up",
		fmt.Sprintf("addr replace %s/%d dev %s", plan.ControlPlane, plan.Machines.Bits(), bridge),
		"link set " + bridge + " up",
		// Never used as it stands: kube-proxy gives such packets another destination, but only after a route was found.
		fmt.Sprintf("route replace %s dev %s", plan.Services, bridge),
	}
	return append(lines, podRoutes(c, 0)...)
}

// hostLinkCommand joins the machine to the bridge.
func hostLinkCommand(c layout.Cluster) string {
	return fmt.Sprintf("link add %s type veth peer name %s netns %s",
		c.HostLink(), hostPort, c.Paths().ControlPlaneNetNS())
}

// hostPortSettings are said in the control plane's namespace.
func hostPortSettings() []string {
	return []string{"link set " + hostPort + " master " + bridge + " up"}
}

// hostSettings are said on the machine: the cluster's services are reached by way of the control plane, its pods by way
// of their nodes.
func hostSettings(c layout.Cluster) []string {
	plan := c.Network()
	lines := []string{
		fmt.Sprintf("addr replace %s/%d dev %s", plan.Host, plan.Machines.Bits(), c.HostLink()),
		"link set " + c.HostLink() + " up",
		fmt.Sprintf("route replace %s via %s", plan.Services, plan.ControlPlane),
	}
	return append(lines, podRoutes(c, 0)...)
}

// nodeLinkCommand joins a node to the bridge; it is said in the control plane's namespace.
func nodeLinkCommand(c layout.Cluster, node layout.Node) string {
	return fmt.Sprintf("link add %s type veth peer name %s address %s netns %s",
		port(node), nodeLink, c.Network().NodeMAC(node), c.Paths().NodeNetNS(node))
}

// nodePortSettings are said in the control plane's namespace.
func nodePortSettings(node layout.Node) []string {
	return []string{"link set " + port(node) + " master " + bridge + " up"}
}

// nodeSettings are said in the node's namespace.
func nodeSettings(c layout.Cluster, node layout.Node) []string {
	plan := c.Network()
	lines := []string{
		"link set lo up",
		fmt.Sprintf("addr replace %s/%d dev %s", plan.NodeAddr(node), plan.Machines.Bits(), nodeLink),
		"link set " + nodeLink + " up",
		fmt.Sprintf("route replace %s via %s", plan.Services, plan.ControlPlane),
	}
	return append(lines, podRoutes(c, node.Number)...)
}

// podRoutes lead to the pods of every node but the given one.
func podRoutes(c layout.Cluster, except int) []string {
	plan := c.Network()
	var lines []string
	for _, node := range c.NodeList() {
		if node.Number != except {
			lines = append(lines, fmt.Sprintf("route replace %s via %s", plan.NodePods(node), plan.NodeAddr(node)))
		}
	}
	return lines
}
