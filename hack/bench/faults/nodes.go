// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/bench/ground"
	"github.com/quorate/quorate/hack/bench/quorum"
)

// partitionTime is for how long a node is cut off.
const partitionTime = 60 * time.Second

// chooseNode chooses the leader's node, and has the operator run on another: it
// is the servers' loss that is measured, and not the operator's.
func chooseNode(ctx context.Context, st *stage) error {
	m, err := st.leader()
	if err != nil {
		return err
	}
	st.node = m.Node
	if !st.subject.operated() {
		return nil
	}
	pod, err := st.operatorPod(ctx)
	if err != nil || pod.Spec.NodeName != st.node {
		return err
	}
	if err := st.cordon(ctx, true); err != nil {
		return err
	}
	err = st.RestartOperator(ctx)
	if openErr := st.cordon(ctx, false); err == nil {
		err = openErr
	}
	return err
}

func (st *stage) cordon(ctx context.Context, closed bool) error {
	return st.changeNode(ctx, object{"spec": object{"unschedulable": closed}})
}

func (st *stage) changeNode(ctx context.Context, changes object) error {
	return st.cluster().patch(ctx, &corev1.Node{}, st.node, changes)
}

// partition cuts the chosen node off and heals it. The time counts from then.
func partition(ctx context.Context, st *stage) error {
	if err := st.machines.Partition(ctx, st.node); err != nil {
		return err
	}
	if err := rest(ctx, partitionTime); err != nil {
		return err
	}
	st.from()
	return st.machines.Heal(ctx, st.node)
}

// loseNode switches the chosen node off, waits until Kubernetes has noticed, and
// then says that the node will not come back. The time counts from then.
func loseNode(say func(context.Context, *stage) error) func(context.Context, *stage) error {
	return func(ctx context.Context, st *stage) error {
		if err := st.machines.NodeDown(ctx, st.node); err != nil {
			return err
		}
		if err := ground.Poll(ctx, "the node to be missed", ground.Patience, st.nodeMissed); err != nil {
			return err
		}
		st.from()
		return say(ctx, st)
	}
}

func (st *stage) nodeMissed(ctx context.Context) bool {
	var node corev1.Node
	if st.K8s.Get(ctx, client.ObjectKey{Name: st.node}, &node) != nil {
		return false
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status != corev1.ConditionTrue
		}
	}
	return false
}

// taintNode says it as Kubernetes documents it.
func taintNode(ctx context.Context, st *stage) error {
	return st.taint(ctx, corev1.Taint{Key: corev1.TaintNodeOutOfService, Value: "nodeshutdown", Effect: corev1.TaintEffectNoExecute})
}

// taint adds a taint to those that Kubernetes has set itself.
func (st *stage) taint(ctx context.Context, taint corev1.Taint) error {
	var node corev1.Node
	if err := st.K8s.Get(ctx, client.ObjectKey{Name: st.node}, &node); err != nil {
		return fmt.Errorf("get node %s: %w", st.node, err)
	}
	before := node.DeepCopy()
	node.Spec.Taints = append(node.Spec.Taints, taint)
	if err := st.K8s.Patch(ctx, &node, client.StrategicMergeFrom(before)); err != nil {
		return fmt.Errorf("taint node %s: %w", st.node, err)
	}
	return nil
}

// deleteNode says it as a cloud's controller or a person does.
func deleteNode(ctx context.Context, st *stage) error {
	return st.cluster().remove(ctx, &corev1.Node{}, st.node)
}

// cluster is the stage for objects that are in no namespace.
func (st *stage) cluster() *stage {
	return &stage{Ground: st.Ground, node: st.node}
}

// bringNode switches the chosen node on, for what comes next.
func bringNode(ctx context.Context, st *stage) error {
	if st.node == "" {
		return nil
	}
	if err := st.machines.NodeUp(ctx, st.node); err != nil {
		return err
	}
	var node corev1.Node
	if err := st.K8s.Get(ctx, client.ObjectKey{Name: st.node}, &node); err != nil {
		return fmt.Errorf("get node %s: %w", st.node, err)
	}
	before := node.DeepCopy()
	node.Spec.Taints = nil
	if err := st.K8s.Patch(ctx, &node, client.StrategicMergeFrom(before)); err != nil {
		return fmt.Errorf("take the taints from node %s: %w", st.node, err)
	}
	return nil
}

// healNode connects the chosen node again, for what comes next.
func healNode(ctx context.Context, st *stage) error {
	if st.node == "" {
		return nil
	}
	return st.machines.Heal(ctx, st.node)
}

// elsewhere waits for all members to run on nodes that are there.
func elsewhere(st *stage, now quorum.Sample) string {
	for _, m := range now.Members {
		if m.Node == st.node {
			return m.Name + " is on the lost node"
		}
	}
	return ""
}
