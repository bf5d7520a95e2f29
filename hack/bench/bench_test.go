// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/bench/manifests"
)

// The first time counts, of one thing; of three members' the last of the first.
func TestMarks(t *testing.T) {
	begin := time.Now()
	after := func(s int) time.Time { return begin.Add(time.Duration(s) * time.Second) }
	m := newMarks(begin)
	m.first(markLeader, after(3))
	m.first(markLeader, after(5))
	m.each(markPods, "consul-0", after(2))
	m.each(markPods, "consul-1", after(1))
	m.each(markPods, "consul-0", after(9))
	got := m.all()
	if len(got) != 2 || got[markLeader] != 3*time.Second || got[markPods] != 2*time.Second {
		t.Errorf("got %v", got)
	}
}

func TestHealthyVoters(t *testing.T) {
	health := `{"Healthy":true,"Servers":[{"Healthy":true,"Voter":true},{"Healthy":true,"Voter":false},{"Healthy":false,"Voter":true}]}`
	if got := healthyVoters(health); got != 1 {
		t.Errorf("%d healthy voters, want 1", got)
	}
	if healthyVoters("rpc error: No cluster leader") != 0 {
		t.Error("an error has voters")
	}
}

func TestLogsTellMoments(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := newMarks(begin)
	agent := `2026-01-01T00:00:01.5Z {"msg":"looked at the volume"}
2026-01-01T00:00:02Z {"msg":"action","kind":"Grant","done":false}
2026-01-01T00:00:02.25Z {"msg":"action","kind":"Grant","done":true}
`
	readLog("consul-0", "quorate-agent", agent, m)
	readLog("consul-1", "quorate-agent", strings.ReplaceAll(agent, "00:00:0", "00:00:1"), m)
	readLog("consul-1", "server", "2026-01-01T00:00:04Z cluster leadership acquired\nno time\n", m)
	readLog("consul-0", "server", "2026-01-01T00:00:03Z cluster leadership acquired\n", m)
	want := map[mark]time.Duration{
		logAgent: 11500 * time.Millisecond, logGate: 12250 * time.Millisecond,
		logServer: 4 * time.Second, logLeader: 4 * time.Second,
	}
	got := m.all()
	for name, at := range want {
		if got[name] != at {
			t.Errorf("%s at %v, want %v", name, got[name], at)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v", got)
	}
}

// The manifests say what the program takes for granted of them.
func TestManifests(t *testing.T) {
	for _, c := range contenders {
		if c.operated {
			var d v1alpha1.Datastore
			if err := yaml.UnmarshalStrict([]byte(c.manifest), &d); err != nil {
				t.Fatal(err)
			}
			if d.Name != manifests.Name || *d.Spec.Replicas != manifests.Size {
				t.Errorf("%s: %s of %d", c.key, d.Name, *d.Spec.Replicas)
			}
			continue
		}
		order := map[string]string{"ordered": "OrderedReady", "parallel": "Parallel"}[c.key]
		if !strings.Contains(c.manifest, "\n  podManagementPolicy: "+order+"\n") {
			t.Errorf("%s: the pods are not made %s", c.key, order)
		}
	}
}

func TestAReportHoldsAllContenders(t *testing.T) {
	r := results{when: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), runs: map[string][]run{}}
	for i, c := range contenders {
		warned := newTally()
		warned.add("FailedMount: no")
		at := map[mark]time.Duration{markLeader: time.Duration(4-i) * time.Second, markVoters: time.Duration(8-2*i) * time.Second}
		if c.operated {
			at[markReady] = 6 * time.Second
		}
		r.runs[c.key] = []run{{at: at, troubles: warned}}
	}
	text := r.text()
	for _, want := range []string{
		"2026-01-02", "| Datastore | 2.00 (2.00–2.00) | 4.00 (4.00–4.00) | – | 6.00 (6.00–6.00) | 1 |",
		"| Datastore ÷ tutorial, one pod after the other | 0.50 | 0.50 | – | – |", "**0.75**",
		"| first leader | 4.00 | 3.00 | 2.00 |\n| three healthy voters | 8.00 | 6.00 | 4.00 |\n| Datastore Ready | | | 6.00 |",
		"- Datastore: 1 × FailedMount: no",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the report:\n%s", want, text)
		}
	}
}

func TestPodsTellMoments(t *testing.T) {
	m, yes := newMarks(time.Now()), true
	handed := 0
	o := &observer{marks: m, pods: func(*corev1.Pod) { handed++ }, troubles: newTally()}
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "consul-0"}}
	expect := func(want ...mark) {
		t.Helper()
		o.see(p, time.Now())
		got := m.all()
		for _, name := range want {
			if _, ok := got[name]; !ok {
				t.Errorf("%s has not come", name)
			}
		}
		if len(got) != len(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	expect(markPods)
	p.Spec.NodeName = "node-1"
	expect(markPods, markScheduled)
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{
		{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}},
		{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, Started: &yes},
	}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}}}
	expect(markPods, markScheduled, markInitEnded, markSidecar, markGate)
	p.Status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	expect(markPods, markScheduled, markInitEnded, markSidecar, markGate, markServer, markPodsReady)
	if handed != 4 {
		t.Errorf("%d pods were handed on, want 4", handed)
	}
}
