// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/resource"
)

func TestEnding(t *testing.T) {
	pod := func(name string, deleted bool, labels map[string]string) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), Labels: labels}}
		if deleted {
			p.DeletionTimestamp = ptr.To(metav1.Now())
		}
		return p
	}
	reachable := map[string]string{resource.ReachableLabel: resource.FieldOwner}
	pods := map[string]*corev1.Pod{
		"a-stays":              pod("a-stays", false, reachable),
		"b-follows":            pod("b-follows", true, reachable),
		"c-leads":              pod("c-leads", true, reachable),
		"d-goes-on":            pod("d-goes-on", true, reachable),
		"d-silent":             pod("d-silent", true, reachable),
		"e-withdrawn":          pod("e-withdrawn", true, nil),
		"f-stays-by-hand-made": pod("f-stays-by-hand-made", false, nil),
	}
	got := ending(pods, map[string]*engine.Report{
		"uid-a-stays":     {Ending: true},
		"uid-b-follows":   {Ending: true, Server: engine.Server{Running: true}},
		"uid-c-leads":     {Ending: true, Server: engine.Server{Running: true, Leader: true}},
		"uid-d-goes-on":   {Server: engine.Server{Running: true}},
		"uid-e-withdrawn": {Ending: true},
	})
	var names []string
	for _, p := range got {
		names = append(names, p.Name)
	}
	if len(names) != 1 || names[0] != "b-follows" {
		t.Errorf("withdrawn %v, want b-follows alone: it ends, has an address still, and leads nothing", names)
	}
}
