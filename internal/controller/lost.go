// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/plan"
)

// lookAgain is how soon the nodes are looked at again for a member that is silent
// although nothing else is the matter with its pod: nodes are not watched.
const lookAgain = 15 * time.Second

// strand looks which volumes no node is left for. It asks the API server only
// where a member that shall have a pod is silent, so that a set at rest costs
// nothing; and it asks live, since a cache of nodes would cost every operator
// memory for what hardly ever happens.
func (p *pass) strand(ctx context.Context, snap *snapshot) error {
	snap.stranded = map[string]string{}
	if snap.sets.lead() == nil || p.early {
		return nil
	}
	for member, c := range snap.claims {
		pod := snap.pods[member]
		i, _ := snap.layout.Number(member)
		heard := pod != nil && snap.reports[string(pod.UID)] != nil
		if heard || i >= snap.layout.Span(snap.sets.sizes()) || c.Spec.VolumeName == "" {
			continue
		}
		why, err := strandedFor(ctx, p.Live, c.Spec.VolumeName, pod)
		if err != nil {
			return err
		}
		snap.stranded[member] = why
	}
	return nil
}

// strandedFor says why no node is left that a volume can be used on; empty where
// there may be one.
//
// A node is gone when the API server has none that fits, or when all that fit
// bear the taint by which a person, or the cluster's own controller, says that
// they are out of service. One that is not ready, or cordoned, is there (law 2).
// A volume that is bound to a zone, not to nodes, waits for another node in it.
func strandedFor(ctx context.Context, r client.Reader, volume string, pod *corev1.Pod) (string, error) {
	if there, err := hostServes(ctx, r, pod); there || err != nil {
		return "", err
	}
	terms, err := nodesNamed(ctx, r, volume)
	if len(terms) == 0 || err != nil {
		return "", err
	}
	var fitting []string
	for _, t := range terms {
		nodes, err := nodesOf(ctx, r, t)
		if err != nil {
			return "", err
		}
		for i := range nodes {
			if !outOfService(&nodes[i]) {
				return "", nil
			}
			fitting = append(fitting, nodes[i].Name)
		}
	}
	if len(fitting) > 0 {
		slices.Sort(fitting)
		return fmt.Sprintf("its volume %s can be used on %s only, which is tainted %s",
			volume, strings.Join(slices.Compact(fitting), ", "), corev1.TaintNodeOutOfService), nil
	}
	// That there is no node at all is no answer.
	var all corev1.NodeList
	if err := r.List(ctx, &all, client.Limit(1)); err != nil {
		return "", fmt.Errorf("list Nodes: %w", err)
	}
	if len(all.Items) == 0 {
		return "", nil
	}
	return fmt.Sprintf("its volume %s can be used on a node with %s only, and there is none any more", volume, describeTerms(terms)), nil
}

// hostServes tells whether a pod has a node that is there. Then its volume needs
// no look.
func hostServes(ctx context.Context, r client.Reader, pod *corev1.Pod) (bool, error) {
	if pod == nil || pod.Spec.NodeName == "" {
		return false, nil
	}
	var node corev1.Node
	switch err := r.Get(ctx, types.NamespacedName{Name: pod.Spec.NodeName}, &node); {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("get Node %s: %w", pod.Spec.NodeName, err)
	}
	return !outOfService(&node), nil
}

// nodesNamed returns the alternatives by which a volume names the nodes that it
// can be used on; none where it can be used elsewhere too, or does not exist:
// whoever deleted it may bring it back.
func nodesNamed(ctx context.Context, r client.Reader, volume string) ([]corev1.NodeSelectorTerm, error) {
	var pv corev1.PersistentVolume
	switch err := r.Get(ctx, types.NamespacedName{Name: volume}, &pv); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get PersistentVolume %s: %w", volume, err)
	}
	a := pv.Spec.NodeAffinity
	if a == nil || a.Required == nil {
		return nil, nil
	}
	for _, t := range a.Required.NodeSelectorTerms {
		if !bindsToNodes(t) {
			return nil, nil
		}
	}
	return a.Required.NodeSelectorTerms, nil
}

func outOfService(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeOutOfService })
}

// bindsToNodes tells whether a term names nodes one by one, by their name or by
// a label that is not one of a zone or a region. One with an operator that is
// not understood here names none.
func bindsToNodes(t corev1.NodeSelectorTerm) bool {
	names := len(t.MatchFields) == 1 && t.MatchFields[0].Key == metav1.ObjectNameField && t.MatchFields[0].Operator == corev1.NodeSelectorOpIn
	if len(t.MatchFields) > 0 && !names {
		return false
	}
	for _, e := range t.MatchExpressions {
		if _, known := operators[e.Operator]; !known {
			return false
		}
		area := strings.HasSuffix(e.Key, "zone") || strings.HasSuffix(e.Key, "region")
		names = names || e.Operator == corev1.NodeSelectorOpIn && !area
	}
	return names
}

var operators = map[corev1.NodeSelectorOperator]selection.Operator{
	corev1.NodeSelectorOpIn: selection.In, corev1.NodeSelectorOpNotIn: selection.NotIn,
	corev1.NodeSelectorOpExists: selection.Exists, corev1.NodeSelectorOpDoesNotExist: selection.DoesNotExist,
}

// nodesOf returns the nodes that a term fits.
func nodesOf(ctx context.Context, r client.Reader, t corev1.NodeSelectorTerm) ([]corev1.Node, error) {
	fits := labels.NewSelector()
	for _, e := range t.MatchExpressions {
		req, err := labels.NewRequirement(e.Key, operators[e.Operator], e.Values)
		if err != nil {
			return nil, fmt.Errorf("read the node affinity of a volume: %w", err)
		}
		fits = fits.Add(*req)
	}
	if len(t.MatchFields) == 0 {
		var nodes corev1.NodeList
		if err := r.List(ctx, &nodes, client.MatchingLabelsSelector{Selector: fits}); err != nil {
			return nil, fmt.Errorf("list Nodes with %s: %w", fits, err)
		}
		return nodes.Items, nil
	}
	var out []corev1.Node
	for _, name := range t.MatchFields[0].Values {
		var node corev1.Node
		switch err := r.Get(ctx, types.NamespacedName{Name: name}, &node); {
		case err == nil && fits.Matches(labels.Set(node.Labels)):
			out = append(out, node)
		case client.IgnoreNotFound(err) != nil:
			return nil, fmt.Errorf("get Node %s: %w", name, err)
		}
	}
	return out, nil
}

// describeTerms writes the terms as a person would: key=value, key=value.
func describeTerms(terms []corev1.NodeSelectorTerm) string {
	var out []string
	for _, t := range terms {
		for _, r := range slices.Concat(t.MatchFields, t.MatchExpressions) {
			if r.Operator == corev1.NodeSelectorOpIn {
				out = append(out, r.Key+"="+strings.Join(r.Values, "|"))
			}
		}
	}
	return head(printable(strings.Join(out, ", ")), maxComplaints)
}

// consent adds to what is wanted what the user agreed to.
func (p *pass) consent(out *plan.Wanted) {
	out.DeleteLost = p.d.StorageRetention().WhenLost == v1alpha1.LostDelete
	given, err := v1alpha1.ParseApprovals(p.d.Annotations[v1alpha1.AnnotationApprove])
	if err != nil {
		out.Unreadable = head(printable(err.Error()), maxComplaints)
	}
	out.Approved = given
}
