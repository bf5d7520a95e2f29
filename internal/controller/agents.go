// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/resource"
)

// agentContainer is the agent in a pod, nil where it has none.
func agentContainer(p *corev1.Pod) *corev1.Container {
	for i := range p.Spec.InitContainers {
		if c := &p.Spec.InitContainers[i]; c.Name == resource.AgentContainer {
			return c
		}
	}
	return nil
}

// agentRunning is what the kubelet last told of the agent's container, nil where
// it does not run.
func agentRunning(p *corev1.Pod) *corev1.ContainerStatus {
	for i := range p.Status.InitContainerStatuses {
		if c := &p.Status.InitContainerStatuses[i]; c.Name == resource.AgentContainer && c.State.Running != nil {
			return c
		}
	}
	return nil
}

// agentImage is the image that a pod's agent is to have.
func agentImage(p *corev1.Pod) string {
	if c := agentContainer(p); c != nil {
		return c.Image
	}
	return ""
}

// agentSettled tells whether the kubelet has taken up the pod as it is now, and
// its agent runs. A server before 1.34 does not say what the kubelet has taken
// up; then the agent's word alone counts.
func agentSettled(p *corev1.Pod) bool {
	if seen := p.Status.ObservedGeneration; seen != 0 && seen < p.Generation {
		return false
	}
	return agentRunning(p) != nil
}

// mayReport tells whether a pod has an agent, and its containers have not all ended for
// good: one that was made by hand has none, and nothing is mounted in one that ended.
func mayReport(p *corev1.Pod) bool {
	return agentContainer(p) != nil && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed
}

// downInits are those of our own containers in a pod that cannot start, as the
// kubelet says: the agent, and the one before it that prepares the volume.
func downInits(p *corev1.Pod) []string {
	var out []string
	for _, c := range p.Status.InitContainerStatuses {
		if (c.Name == resource.AgentContainer || c.Name == resource.InitContainer) && cannotStart(c) {
			out = append(out, c.Name)
		}
	}
	return out
}

// downImage is the image of the first of them.
func downImage(p *corev1.Pod) string {
	down := downInits(p)
	for _, c := range p.Spec.InitContainers {
		if slices.Contains(down, c.Name) {
			return c.Image
		}
	}
	return ""
}

// upgradeAgents gives pods the present image of the agent: the kubelet restarts
// that container alone. The one before it has the same image, and gets the present
// one only where it cannot start, and nothing behind it has then. Nothing else of a
// pod that runs is ever changed, and the template stays as it is, or a new operator
// would restart servers.
func (p *pass) upgradeAgents(ctx context.Context) error {
	for _, ref := range p.findings.decision.UpgradeAgents {
		seen := p.snapshot.pods[ref.Name]
		if seen == nil || string(seen.UID) != ref.UID {
			continue
		}
		patch, err := json.Marshal(map[string]any{
			"metadata": map[string]any{"uid": seen.UID, "resourceVersion": seen.ResourceVersion},
			"spec":     map[string]any{"initContainers": p.freshImages(seen)},
		})
		if err != nil {
			return fmt.Errorf("write the image of the agent in pod %s: %w", ref.Name, err)
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: p.d.Namespace, Name: ref.Name}}
		if err := p.Patch(ctx, pod, client.RawPatch(types.StrategicMergePatchType, patch), client.FieldOwner(resource.FieldOwner)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("give pod %s the image of the agent: %w", ref.Name, err)
		}
		p.begun = append(p.begun, p.findings.actionOn(engine.StepUpgradeAgent, ref.Name, ref.UID, "it has not the operator's image"))
		pointAgentUpgraded.Reach()
	}
	return nil
}

// freshImages are the containers of a pod that get the present image, by name. They
// are in the pod's order: a merge would give it theirs, which the API server refuses.
func (p *pass) freshImages(pod *corev1.Pod) []map[string]string {
	down := downInits(pod)
	var out []map[string]string
	for _, c := range pod.Spec.InitContainers {
		if c.Name == resource.AgentContainer || c.Name == resource.InitContainer && slices.Contains(down, c.Name) {
			out = append(out, map[string]string{"name": c.Name, "image": p.Settings.AgentImage})
		}
	}
	return out
}
