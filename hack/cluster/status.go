// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/cluster/daemon"
	"github.com/quorate/quorate/hack/cluster/layout"
	"github.com/quorate/quorate/hack/cluster/network"
	"github.com/quorate/quorate/hack/cluster/settings"
)

// ProcessStatus tells whether one of the cluster's processes runs.
type ProcessStatus struct {
	Name string
	PID  int // 0 if it does not run.
}

// NodeStatus is what is known of a node.
type NodeStatus struct {
	Name      string
	Address   string
	On        bool // it has power.
	Connected bool // it is not cut off.
	// Ready is what Kubernetes says: True, False or Unknown; empty if there is no such node, or nobody to ask.
	Ready corev1.ConditionStatus
}

// Status is what is known of a cluster.
type Status struct {
	Processes []ProcessStatus
	Nodes     []NodeStatus
	// APIReady says that the API server is.
	APIReady bool
}

// Healthy tells whether nothing is missing.
func (s Status) Healthy() bool {
	for _, process := range s.Processes {
		if process.PID == 0 {
			return false
		}
	}
	for _, node := range s.Nodes {
		if !node.On || !node.Connected || node.Ready != corev1.ConditionTrue {
			return false
		}
	}
	return s.APIReady
}

// Status looks at a cluster without changing it.
func (c *Cluster) Status(ctx context.Context) (Status, error) {
	var status Status
	for _, name := range c.allProcesses() {
		record, err := c.book().Find(name)
		if err != nil && !errors.Is(err, daemon.ErrGone) {
			return Status{}, err
		}
		status.Processes = append(status.Processes, ProcessStatus{Name: name, PID: record.PID})
	}
	status.APIReady = httpReady(ctx, settings.APIServerURL(c.Cluster)+"/readyz") == nil
	ready := make(map[string]corev1.ConditionStatus)
	if status.APIReady {
		var err error
		if ready, err = c.readiness(ctx); err != nil {
			return Status{}, err
		}
	}
	for _, node := range c.NodeList() {
		status.Nodes = append(status.Nodes, c.nodeStatus(ctx, node, ready[node.Name]))
	}
	return status, nil
}

func (c *Cluster) nodeStatus(ctx context.Context, node layout.Node, ready corev1.ConditionStatus) NodeStatus {
	_, err := c.book().Find(processName(node, machine))
	return NodeStatus{
		Name:      node.Name,
		Address:   c.Network().NodeAddr(node).String(),
		On:        err == nil,
		Connected: network.Connected(ctx, c.Cluster, node),
		Ready:     ready,
	}
}

// readiness is what Kubernetes says of each node.
func (c *Cluster) readiness(ctx context.Context) (map[string]corev1.ConditionStatus, error) {
	api, err := c.client()
	if err != nil {
		return nil, err
	}
	var list corev1.NodeList
	if err := api.List(ctx, &list, &client.ListOptions{}); err != nil {
		return nil, fmt.Errorf("listing the nodes of cluster %s: %w", c.Name, err)
	}
	ready := make(map[string]corev1.ConditionStatus, len(list.Items))
	for _, node := range list.Items {
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady {
				ready[node.Name] = condition.Status
			}
		}
	}
	return ready, nil
}
