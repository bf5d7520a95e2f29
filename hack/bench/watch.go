// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/bench/manifests"
)

// The moments that the API server tells of, as a watch sees them.
const (
	markResource  mark = "the Datastore is there"
	markLedger    mark = "ledger"
	markSecrets   mark = "last Secret"
	markServices  mark = "last Service"
	markSet       mark = "StatefulSet"
	markPods      mark = "last pod made"
	markScheduled mark = "last pod scheduled"
	markBound     mark = "last claim bound"
	markSandbox   mark = "last sandbox ready"
	markInitEnded mark = "last init container seen to have ended"
	markSidecar   mark = "last agent seen running"
	markGranted   mark = "grants in the ledger"
	markGate      mark = "last gate seen open by the kubelet"
	markServer    mark = "last server seen running"
	markFormed    mark = "formed in the ledger"
	markPodsReady mark = "last pod Ready"
	markReady     mark = "Datastore Ready"
)

// observer follows the objects of one namespace and notes the moments.
type observer struct {
	k8s       client.WithWatch
	namespace string
	marks     *marks
	// pods hands on every pod as it changes.
	pods func(*corev1.Pod)
	// troubles counts the warnings of the namespace's events by reason.
	troubles *tally
}

// start opens the watches; they end with ctx. All of them are open when it
// returns, so that nothing is missed.
func (o *observer) start(ctx context.Context) error {
	lists := []client.ObjectList{
		&v1alpha1.DatastoreList{}, &appsv1.StatefulSetList{}, &corev1.PodList{}, &corev1.PersistentVolumeClaimList{},
		&corev1.ServiceList{}, &corev1.ConfigMapList{}, &corev1.SecretList{}, &corev1.EventList{},
	}
	for _, list := range lists {
		w, err := o.k8s.Watch(ctx, list, client.InNamespace(o.namespace))
		if err != nil {
			return fmt.Errorf("watch %T in %s: %w", list, o.namespace, err)
		}
		go func() {
			defer w.Stop()
			for event := range w.ResultChan() {
				if event.Type == watch.Added || event.Type == watch.Modified {
					o.see(event.Object, time.Now())
				}
			}
		}()
	}
	return nil
}

func (o *observer) see(object runtime.Object, now time.Time) {
	switch it := object.(type) {
	case *v1alpha1.Datastore:
		o.marks.first(markResource, now)
		if meta.IsStatusConditionTrue(it.Status.Conditions, v1alpha1.ConditionReady) {
			o.marks.first(markReady, now)
		}
	case *appsv1.StatefulSet:
		o.marks.first(markSet, now)
	case *corev1.PersistentVolumeClaim:
		if it.Status.Phase == corev1.ClaimBound {
			o.marks.each(markBound, it.Name, now)
		}
	case *corev1.Service:
		o.marks.each(markServices, it.Name, now)
	case *corev1.Secret:
		o.marks.each(markSecrets, it.Name, now)
	case *corev1.ConfigMap:
		o.seeLedger(it, now)
	case *corev1.Pod:
		o.seePod(it, now)
	case *corev1.Event:
		if it.Type == corev1.EventTypeWarning {
			o.troubles.add(it.Reason + ": " + firstWords(it.Message))
		}
	}
}

// seeLedger reads of the ledger what a formation is told by.
func (o *observer) seeLedger(it *corev1.ConfigMap, now time.Time) {
	if it.Name != manifests.Name+"-ledger" {
		return
	}
	o.marks.first(markLedger, now)
	var ledger struct {
		FormationSize int
		Formed        bool
	}
	for _, text := range it.Data {
		if json.Unmarshal([]byte(text), &ledger) != nil {
			continue
		}
		if ledger.FormationSize > 0 {
			o.marks.first(markGranted, now)
		}
		if ledger.Formed {
			o.marks.first(markFormed, now)
		}
	}
}

func (o *observer) seePod(p *corev1.Pod, now time.Time) {
	o.pods(p)
	o.marks.each(markPods, p.Name, now)
	note := func(name mark, come bool) {
		if come {
			o.marks.each(name, p.Name, now)
		}
	}
	note(markScheduled, p.Spec.NodeName != "")
	note(markSandbox, holds(p, corev1.PodReadyToStartContainers))
	note(markPodsReady, holds(p, corev1.PodReady))
	for i, c := range p.Status.InitContainerStatuses {
		note(markInitEnded, i == 0 && c.State.Terminated != nil && c.State.Terminated.ExitCode == 0)
		note(markSidecar, i == 1 && c.State.Running != nil)
		note(markGate, i == 1 && c.Started != nil && *c.Started)
	}
	for _, c := range p.Status.ContainerStatuses {
		note(markServer, c.State.Running != nil)
	}
}

func holds(p *corev1.Pod, condition corev1.PodConditionType) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == condition && c.Status == corev1.ConditionTrue
	})
}

// firstWords cuts an event's message to what is the same for all pods.
func firstWords(message string) string {
	const most = 12
	words := strings.Fields(message)
	return strings.Join(words[:min(len(words), most)], " ")
}
