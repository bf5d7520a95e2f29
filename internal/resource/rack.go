// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/internal/engine"
)

// place is what the members of one rack have and those of another have not; its zero
// value is that of all where there are no racks.
type place struct {
	labels map[string]string
	nodes  map[string]string
}

// inRack is the place of the members of one StatefulSet.
func (b Builder) inRack(i int) place {
	racks := engine.Racks(b.in.Engine, b.d)
	if len(racks) == 0 {
		return place{}
	}
	return place{
		labels: map[string]string{RackLabel: racks[i].Name},
		nodes:  map[string]string{corev1.LabelTopologyZone: racks[i].Zone},
	}
}

// put returns a pod template with its place. It replaces one of another rack, so that
// a template which was read from a StatefulSet can be put anywhere. The zone is a
// selector of nodes beside the user's, and not a preference: a server does not start in
// another rack than its data is of.
func (p place) put(t corev1.PodTemplateSpec) corev1.PodTemplateSpec {
	if p.labels == nil {
		return t
	}
	out := *t.DeepCopy()
	out.Labels, out.Spec.NodeSelector = merged(t.Labels, p.labels), merged(t.Spec.NodeSelector, p.nodes)
	return out
}
