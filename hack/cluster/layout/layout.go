// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package layout says where everything of a local cluster is: its names, its addresses and its files. All of it is
// computed from the cluster's name, its slot and its number of nodes; nothing here touches the machine.
package layout

import (
	"fmt"
	"regexp"
)

const (
	// DefaultName is the cluster that is meant when none is named. It always asks for slot 0.
	DefaultName = "quorate"
	// MaxNodes bounds the nodes of a cluster; more than these have never been tried.
	MaxNodes = 20

	maxNameLength = 20
)

var validName = regexp.MustCompile("^[a-z]([-a-z0-9]*[a-z0-9])?$")

// Cluster is what has to be known of a cluster to find all of it again.
type Cluster struct {
	// Name distinguishes the clusters of one machine and begins the name of each node.
	Name string `json:"name"`
	// Slot chooses the address ranges, see Network.
	Slot int `json:"slot"`
	// Nodes is the number of nodes.
	Nodes int `json:"nodes"`
}

// Validate tells what is wrong with a cluster, in words for the person who asked for it.
func (c Cluster) Validate() error {
	if err := ValidateName(c.Name); err != nil {
		return err
	}
	if c.Nodes < 1 || c.Nodes > MaxNodes {
		return fmt.Errorf("a cluster has 1 to %d nodes, not %d", MaxNodes, c.Nodes)
	}
	if c.Slot < 0 || c.Slot >= Slots {
		return fmt.Errorf("slot %d is not in 0 to %d", c.Slot, Slots-1)
	}
	return nil
}

// ValidateName tells whether a cluster may have the name: it becomes part of node names, file paths and unix sockets,
// whose paths the kernel limits to 108 bytes.
func ValidateName(name string) error {
	if len(name) > maxNameLength || !validName.MatchString(name) {
		return fmt.Errorf("%q is no name for a cluster: it is 1 to %d lower case letters, digits and dashes, "+
			"beginning with a letter and not ending with a dash", name, maxNameLength)
	}
	return nil
}

// Node is one of a cluster's machines.
type Node struct {
	// Name is the Kubernetes node's name, <cluster>-node-<number>.
	Name string
	// Number counts from 1.
	Number int
}

// NodeList returns the nodes in order.
func (c Cluster) NodeList() []Node {
	nodes := make([]Node, 0, c.Nodes)
	for n := 1; n <= c.Nodes; n++ {
		nodes = append(nodes, Node{Name: fmt.Sprintf("%s-node-%d", c.Name, n), Number: n})
	}
	return nodes
}

// FindNode returns the node that a person means by its name or by its number.
func (c Cluster) FindNode(nameOrNumber string) (Node, error) {
	for _, node := range c.NodeList() {
		if nameOrNumber == node.Name || nameOrNumber == fmt.Sprint(node.Number) {
			return node, nil
		}
	}
	return Node{}, fmt.Errorf("cluster %s has no node %q; its nodes are %s-node-1 to %s-node-%d",
		c.Name, nameOrNumber, c.Name, c.Name, c.Nodes)
}

// Cgroup is the control group of the whole cluster, below the root of each hierarchy. Everything that belongs to the
// cluster runs below it, so that it can be found and ended without any other record.
func (c Cluster) Cgroup() string { return "/quorate/" + c.Name }

// ControlPlaneCgroup holds the processes of the control plane.
func (c Cluster) ControlPlaneCgroup() string { return c.Cgroup() + "/control-plane" }

// NodeCgroup holds everything that runs on the node, its pods included.
func (c Cluster) NodeCgroup(n Node) string { return c.Cgroup() + "/" + n.Name }

// NodeSystemCgroup holds the node's own daemons, beside its pods.
func (c Cluster) NodeSystemCgroup(n Node) string { return c.NodeCgroup(n) + "/system" }
