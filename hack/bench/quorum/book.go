// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/bench/ground"
)

// podLabel is by which a Service is for one pod of a StatefulSet alone.
const podLabel = "statefulset.kubernetes.io/pod-name"

// Book knows the pods of a namespace that belong to a StatefulSet.
type Book struct {
	K8s       client.WithWatch
	Reach     ground.Reach
	Namespace string
	// Container is the name of the server's.
	Container string

	mu       sync.Mutex
	pods     map[string]*corev1.Pod
	services map[string]*corev1.Service
}

// Follow keeps the book until ctx ends. While the API server is away it stays
// as it was.
func (b *Book) Follow(ctx context.Context) {
	b.pods, b.services = map[string]*corev1.Pod{}, map[string]*corev1.Service{}
	go follow(ctx, b, func() client.ObjectList { return &corev1.PodList{} }, b.pods)
	go follow(ctx, b, func() client.ObjectList { return &corev1.ServiceList{} }, b.services)
}

// again is the pause before objects are listed anew.
const again = 200 * time.Millisecond

// follow lists, then watches, and begins again when the watch ends.
func follow[T client.Object](ctx context.Context, b *Book, fresh func() client.ObjectList, known map[string]T) {
	for ctx.Err() == nil {
		list := fresh()
		if b.K8s.List(ctx, list, client.InNamespace(b.Namespace)) == nil {
			b.change(func() { keep(known, list) })
			since := &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}}
			if w, err := b.K8s.Watch(ctx, list, client.InNamespace(b.Namespace), since); err == nil {
				see(b, w, known)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// keep replaces what is known by what was listed.
func keep[T client.Object](known map[string]T, list client.ObjectList) {
	clear(known)
	_ = meta.EachListItem(list, func(o runtime.Object) error { // it is a list, and nothing here fails
		if it, ok := o.(T); ok {
			known[it.GetName()] = it
		}
		return nil
	})
}

func see[T client.Object](b *Book, w watch.Interface, known map[string]T) {
	defer w.Stop()
	for event := range w.ResultChan() {
		it, ok := event.Object.(T)
		if !ok {
			return // an error: what is watched is too old
		}
		b.change(func() {
			if event.Type == watch.Deleted {
				delete(known, it.GetName())
			} else {
				known[it.GetName()] = it
			}
		})
	}
}

func (b *Book) change(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
}

// Members returns the pods by name.
func (b *Book) Members() []Member {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Member
	for _, name := range slices.Sorted(maps.Keys(b.pods)) {
		p := b.pods[name]
		if owner := metav1.GetControllerOf(p); owner != nil && owner.Kind == "StatefulSet" {
			out = append(out, b.member(p))
		}
	}
	return out
}

func (b *Book) member(p *corev1.Pod) Member {
	m := Member{
		Name: p.Name, UID: string(p.UID), Node: p.Spec.NodeName,
		Annotations: p.Annotations, Leaving: p.DeletionTimestamp != nil,
	}
	if ip := p.Status.PodIP; ip != "" {
		m.URL, m.Addresses = b.Reach.Pod(p.Namespace, p.Name, ip), append(m.Addresses, ip)
	}
	for _, s := range b.services {
		if s.Spec.Selector[podLabel] == p.Name && s.Spec.ClusterIP != corev1.ClusterIPNone {
			m.Addresses = append(m.Addresses, s.Spec.ClusterIP)
		}
	}
	for _, c := range p.Status.ContainerStatuses {
		if c.Name == b.Container {
			_, id, _ := strings.Cut(c.ContainerID, "://")
			m.Container, m.Running, m.Restarts = id, c.State.Running != nil, c.RestartCount
		}
	}
	return m
}
