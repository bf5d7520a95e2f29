// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/quorate/quorate/hack/bench/ground"
)

func pod(name, ip string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "here", Name: name, OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "consul", UID: "set", Controller: ptr.To(true)},
		}},
		Spec: corev1.PodSpec{NodeName: "node-1"},
		Status: corev1.PodStatus{PodIP: ip, ContainerStatuses: []corev1.ContainerStatus{
			{Name: "agent", ContainerID: "containerd://other"},
			{Name: "server", ContainerID: "containerd://abc", RestartCount: 2, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
		}},
	}
}

func service(name, address, selected string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "here", Name: name},
		Spec:       corev1.ServiceSpec{ClusterIP: address, Selector: map[string]string{podLabel: selected}},
	}
}

func TestTheBookIsKept(t *testing.T) {
	ctx := t.Context()
	foreign := pod("client", "10.0.0.9")
	foreign.OwnerReferences = nil
	// What comes between a list and its watch is told of by a real API server,
	// and not by this one.
	var watching atomic.Int32
	counted := func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) (watch.Interface, error) {
		w, err := c.Watch(ctx, list, opts...)
		watching.Add(1)
		return w, err
	}
	k8s := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{Watch: counted}).WithObjects(pod("consul-0", "10.0.0.1"), foreign, service("consul-0", "10.96.0.1", "consul-0"), service("headless", "None", "consul-0")).Build()
	book := &Book{K8s: k8s, Reach: ground.Direct(), Namespace: "here", Container: "server"}
	book.Follow(ctx)
	await := func(what string, is func([]Member) bool) {
		t.Helper()
		deadline, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		for !is(book.Members()) {
			select {
			case <-deadline.Done():
				t.Fatalf("%s: the book has %+v", what, book.Members())
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	await("what was there", func(m []Member) bool {
		return watching.Load() == 2 && len(m) == 1 && m[0].Name == "consul-0" && m[0].URL == "http://10.0.0.1:8500" && m[0].Node == "node-1" &&
			m[0].Container == "abc" && m[0].Running && m[0].Restarts == 2 && !m[0].Leaving &&
			slices.Equal(m[0].Addresses, []string{"10.0.0.1", "10.96.0.1"})
	})
	for _, o := range []client.Object{pod("consul-1", ""), service("consul-1", "10.96.0.2", "consul-1")} {
		if err := k8s.Create(ctx, o); err != nil {
			t.Fatal(err)
		}
	}
	await("what came", func(m []Member) bool {
		return len(m) == 2 && m[1].URL == "" && slices.Equal(m[1].Addresses, []string{"10.96.0.2"})
	})
	if err := k8s.Delete(ctx, pod("consul-0", "")); err != nil {
		t.Fatal(err)
	}
	await("what went", func(m []Member) bool { return len(m) == 1 && m[0].Name == "consul-1" })
}
