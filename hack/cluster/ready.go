// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/cluster/layout"
)

// recently is how long ago a node that is up has been heard of at most; kubelet reports every 4 s.
const recently = 10 * time.Second

// accountsWork tells why pods would be refused in the default namespace, or nil: the first pod of a new cluster may come
// before the account that it runs as.
func accountsWork(ctx context.Context, api client.Client) error {
	var account corev1.ServiceAccount
	if err := api.Get(ctx, client.ObjectKey{Namespace: metav1.NamespaceDefault, Name: "default"}, &account); err != nil {
		return fmt.Errorf("looking for the default service account: %w", err)
	}
	return nil
}

// nodesReady tells which of the nodes does not take pods, or nil. What the API says of a node that was lost moments ago
// is that it is ready; hence a node must have been heard of since the given time, and its kubelet must have reported
// since it was started.
func (c *Cluster) nodesReady(ctx context.Context, api client.Client, nodes []layout.Node, since time.Time) error {
	var wrong []error
	for _, node := range nodes {
		if err := c.nodeReady(ctx, api, node, since); err != nil {
			wrong = append(wrong, fmt.Errorf("node %s: %w", node.Name, err))
		}
	}
	return errors.Join(wrong...)
}

func (c *Cluster) nodeReady(ctx context.Context, api client.Client, node layout.Node, since time.Time) error {
	process, err := c.book().Find(processName(node, kubelet))
	if err != nil {
		return fmt.Errorf("looking for its kubelet: %w", err)
	}
	var object corev1.Node
	if err := api.Get(ctx, client.ObjectKey{Name: node.Name}, &object); err != nil {
		return fmt.Errorf("asking for it: %w", err)
	}
	heard, reason := notReady(object, process.Started)
	if reason != "" {
		return errors.New(reason)
	}
	if !heard.Before(since) {
		return nil
	}
	var lease coordinationv1.Lease
	if err := api.Get(ctx, client.ObjectKey{Namespace: corev1.NamespaceNodeLease, Name: node.Name}, &lease); err != nil {
		return fmt.Errorf("asking for its lease: %w", err)
	}
	if lease.Spec.RenewTime == nil || lease.Spec.RenewTime.Time.Before(since) {
		return errors.New("it has not been heard of again")
	}
	return nil
}

// notReady says when a node reported, and why it takes no pods, or nothing. Reports of kubelets that ran before the given
// time do not count. A node that was just heard of again keeps its taints for a moment after it is ready.
func notReady(node corev1.Node, kubeletStarted time.Time) (heard time.Time, reason string) {
	for _, condition := range node.Status.Conditions {
		if condition.Type != corev1.NodeReady {
			continue
		}
		if condition.Status != corev1.ConditionTrue {
			return time.Time{}, fmt.Sprintf("it is not ready: %s: %s", condition.Reason, condition.Message)
		}
		heard = condition.LastHeartbeatTime.Time
	}
	// The API keeps whole seconds.
	if heard.Before(kubeletStarted.Truncate(time.Second)) {
		return time.Time{}, "it has not reported yet"
	}
	for _, taint := range node.Spec.Taints {
		if taint.Key == corev1.TaintNodeNotReady || taint.Key == corev1.TaintNodeUnreachable {
			return time.Time{}, "it still has the taint " + taint.Key
		}
	}
	return heard, ""
}
