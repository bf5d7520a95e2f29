// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func aNode(name string, labels map[string]string, change ...func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	for _, c := range change {
		c(n)
	}
	return n
}

// aVolume is one that any of the terms fits.
func aVolume(terms ...corev1.NodeSelectorTerm) *corev1.PersistentVolume {
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv"}}
	if len(terms) > 0 {
		pv.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: terms}}
	}
	return pv
}

func atNodes(key string, values ...string) corev1.NodeSelectorTerm {
	return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}}}
}

func named(name string) corev1.NodeSelectorTerm {
	return corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{name}}}}
}

// TestStrandedFor: a volume is out of reach only where the API server has no
// node for it; silence, a zone or an empty answer is no reason (law 2).
func TestStrandedFor(t *testing.T) {
	hostname := func(name string) map[string]string { return map[string]string{corev1.LabelHostname: name} }
	serviceless := func(n *corev1.Node) {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeOutOfService, Value: "nodeshutdown", Effect: corev1.TaintEffectNoExecute})
	}
	unreachable := func(n *corev1.Node) {
		n.Spec.Unschedulable = true
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute})
		n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}
	}
	a, b := aNode("a", hostname("a")), aNode("b", hostname("b"))
	local := aVolume(atNodes(corev1.LabelHostname, "c"))
	scheduled := &corev1.Pod{Spec: corev1.PodSpec{NodeName: "c"}}
	for name, c := range map[string]struct {
		there []client.Object
		pod   *corev1.Pod
		says  string // empty where a node may be left
	}{
		"its node is gone":                               {[]client.Object{a, b, local}, nil, "a node with kubernetes.io/hostname=c only, and there is none any more"},
		"its node is gone, with the pod on it":           {[]client.Object{a, b, local}, scheduled, "there is none any more"},
		"its node is there":                              {[]client.Object{a, aNode("c", hostname("c")), local}, nil, ""},
		"its node is out of service":                     {[]client.Object{a, aNode("c", hostname("c"), serviceless), local}, nil, "on c only, which is tainted node.kubernetes.io/out-of-service"},
		"its node is out of service, with the pod on it": {[]client.Object{a, aNode("c", hostname("c"), serviceless), local}, scheduled, "on c only, which is tainted"},
		"its node is silent and cordoned":                {[]client.Object{a, aNode("c", hostname("c"), unreachable), local}, scheduled, ""},
		"the node of the pod is there":                   {[]client.Object{a, aNode("c", nil), local}, scheduled, ""},
		"another node fits too":                          {[]client.Object{b, aVolume(atNodes(corev1.LabelHostname, "c"), atNodes(corev1.LabelHostname, "b"))}, nil, ""},
		"all that fit are gone":                          {[]client.Object{a, aVolume(atNodes(corev1.LabelHostname, "c", "d"))}, nil, "kubernetes.io/hostname=c|d"},
		"by the node's name":                             {[]client.Object{a, aVolume(named("c"))}, nil, "metadata.name=c"},
		"by the node's name, which is there":             {[]client.Object{a, aVolume(named("a"))}, nil, ""},
		"by a driver's own label":                        {[]client.Object{a, aVolume(atNodes("topology.example.com/node", "c"))}, nil, "topology.example.com/node=c"},
		"a zone without a node":                          {[]client.Object{a, aVolume(atNodes(corev1.LabelTopologyZone, "z"))}, nil, ""},
		"a driver's zone without a node":                 {[]client.Object{a, aVolume(atNodes("topology.example.com/zone", "z"))}, nil, ""},
		"a condition that is not understood": {[]client.Object{a, aVolume(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
			{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{"c"}}, {Key: "n", Operator: corev1.NodeSelectorOpGt, Values: []string{"1"}},
		}})}, nil, ""},
		"it follows to any node":    {[]client.Object{a, aVolume()}, nil, ""},
		"the volume is not there":   {[]client.Object{a}, nil, ""},
		"there is no node at all":   {[]client.Object{local}, nil, ""},
		"gone with the pod waiting": {[]client.Object{a, local}, &corev1.Pod{}, "there is none any more"},
	} {
		t.Run(name, func(t *testing.T) {
			r := fake.NewClientBuilder().WithObjects(c.there...).Build()
			why, err := strandedFor(t.Context(), r, "pv", c.pod)
			if err != nil {
				t.Fatal(err)
			}
			if (why == "") != (c.says == "") || !strings.Contains(why, c.says) {
				t.Errorf("it says %q, want %q", why, c.says)
			}
		})
	}
}
