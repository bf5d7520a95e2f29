// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/resource"
)

// withdraw takes the pods that end from their members' stable addresses. The Service
// of a member publishes a pod that is not ready, and so it does with one whose network
// has gone already, until the API server has heard of its end: a peer that dials in
// between waits for an answer until its own time-out, ten seconds for Consul's servers,
// while the next pod serves long since. An address behind which there is nobody is
// refused at once.
//
// No plan follows from it and none asks for it: the pod ends in any case. So it holds
// nothing else up either, and is not done where nothing is to be changed.
func (p *pass) withdraw(ctx context.Context) error {
	if !p.kit.Engine.Traits().StableAddress || p.d.Spec.Paused || p.findings.blocked != nil {
		return nil
	}
	for _, pod := range ending(p.snapshot.pods, p.snapshot.reports) {
		if err := p.current(ctx); err != nil {
			return err
		}
		if err := p.withdrawOne(ctx, pod); err != nil {
			log.FromContext(ctx).Error(err, "peers wait for their own time-outs where they dial it", "pod", pod.Name)
			continue
		}
		pointAddressWithdrawn.Reach()
	}
	return nil
}

// withdrawOne goes by UID: a pod of the same name that is made meanwhile keeps its
// address.
func (p *pass) withdrawOne(ctx context.Context, pod *corev1.Pod) error {
	patch, err := relabelling(pod.UID, "", map[string]*string{resource.ReachableLabel: nil})
	if err != nil {
		return fmt.Errorf("withdraw the address of pod %s: %w", pod.Name, err)
	}
	err = p.Patch(ctx, pod.DeepCopy(), patch, client.FieldOwner(resource.FieldOwner))
	if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("withdraw the address of pod %s: %w", pod.Name, err)
	}
	return nil
}

// ending are the pods that are being deleted, whose agents say that their servers are to
// end, and that lead nothing. A pod that is only being deleted may go on for as long as
// its kubelet is away, or somebody's finalizer is on it, and is needed by the others. One
// that leads is to hand over first, and learns that another leads by being told so, over a
// new connection.
func ending(pods map[string]*corev1.Pod, reports map[string]*engine.Report) []*corev1.Pod {
	var out []*corev1.Pod
	for _, name := range slices.Sorted(maps.Keys(pods)) {
		pod := pods[name]
		if pod.DeletionTimestamp == nil || !resource.Reachable(pod) {
			continue
		}
		if r := reports[string(pod.UID)]; r != nil && r.Ending && !r.Server.Leader {
			out = append(out, pod)
		}
	}
	return out
}
