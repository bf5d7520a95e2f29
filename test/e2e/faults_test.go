//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/hack/target"
	"github.com/quorate/quorate/test/wrappers"
)

// Faults of nodes and of the API server can be made on the local cluster only,
// whose Services this machine reaches too.
var _ = Describe("A Consul cluster under faults of its cluster", Ordered, func() {
	var key types.NamespacedName
	var w *writer

	BeforeAll(func(ctx SpecContext) {
		if target.Kind(*clusterKind) != target.Local {
			Skip("nodes and the API server can be taken away on the local cluster only")
		}
		key = types.NamespacedName{Namespace: newNamespace(ctx, "faults"), Name: "consul"}
		expectApplied(ctx, wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Replicas(3).Obj())
		expectSettled(ctx, key, 3)
		w = newWriter(ctx, key)
	})

	It("serves and restarts nobody while the API server is away, and is seen to again when it is back", func(ctx SpecContext) {
		before := podUIDs(ctx, key, 3)
		Expect(cluster.Local(ctx, "apiserver", "down")).To(Succeed())
		back := func(ctx context.Context) { Expect(cluster.Local(ctx, "apiserver", "up")).To(Succeed()) }
		DeferCleanup(func(ctx SpecContext) { back(ctx) }, NodeTimeout(2*time.Minute))
		for begin := time.Now(); time.Since(begin) < 20*time.Second; {
			// An election may fall into it, where the machine is busy.
			Eventually(ctx, func() error { return w.write(ctx) }).WithTimeout(10 * time.Second).WithPolling(50 * time.Millisecond).Should(Succeed())
		}
		back(ctx)
		expectSettled(ctx, key, 3)
		Expect(podUIDs(ctx, key, 3)).To(Equal(before))
		Expect(serverRestarts(ctx, key, 3)).To(BeZero())
		w.expectNothingLost(ctx)
	})

	It("goes on without the leader's node, and takes the member back with its identity when the node is back", func(ctx SpecContext) {
		leader := leaderOf(datastore(ctx, key))
		id, uid := memberID(datastore(ctx, key), leader), claim(ctx, key.Namespace, leader).UID
		node := pod(ctx, key.Namespace, leader).Spec.NodeName
		Expect(cluster.Local(ctx, "node", "partition", node)).To(Succeed())
		heal := func(ctx context.Context) { Expect(cluster.Local(ctx, "node", "heal", node)).To(Succeed()) }
		DeferCleanup(func(ctx SpecContext) { heal(ctx) }, NodeTimeout(2*time.Minute))
		Eventually(ctx, func() error { return w.write(ctx) }).WithTimeout(30 * time.Second).Should(Succeed())
		Consistently(ctx, func() error {
			c := claim(ctx, key.Namespace, leader)
			if c.UID != uid || c.DeletionTimestamp != nil {
				return fmt.Errorf("the claim of %s was given up though its node is only away", leader)
			}
			return nil
		}).WithTimeout(15 * time.Second).WithPolling(time.Second).Should(Succeed())
		heal(ctx)
		expectSettled(ctx, key, 3)
		Expect(memberID(datastore(ctx, key), leader)).To(Equal(id))
		w.expectNothingLost(ctx)
	})
})

// writer writes keys through the client Service and remembers those that were
// acknowledged.
type writer struct {
	base, token string
	http        *http.Client
	sent        int
	done        []int
}

func newWriter(ctx context.Context, key types.NamespacedName) *writer {
	GinkgoHelper()
	var service corev1.Service
	Expect(k8s.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Name + "-client"}, &service)).To(Succeed())
	var secret corev1.Secret
	Expect(k8s.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Name + "-connection"}, &secret)).To(Succeed())
	return &writer{
		base: "http://" + service.Spec.ClusterIP + ":8500/v1/kv/", token: string(secret.Data["token"]),
		// Each request has a connection of its own, and so a member of its own.
		http: &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
}

// write writes the next key, once more on another connection if need be.
func (w *writer) write(ctx context.Context) error {
	w.sent++
	name := fmt.Sprintf("key-%d", w.sent)
	text, err := w.do(ctx, http.MethodPut, name)
	if err != nil {
		text, err = w.do(ctx, http.MethodPut, name)
	}
	if err == nil && strings.TrimSpace(text) != "true" {
		err = fmt.Errorf("the write of %s was answered with %q", name, text)
	}
	if err == nil {
		w.done = append(w.done, w.sent)
	}
	return err
}

func (w *writer) do(ctx context.Context, method, name string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, w.base+name, strings.NewReader("value"))
	if err != nil {
		return "", err
	}
	req.Header.Set("X-Consul-Token", w.token)
	answer, err := w.http.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s of %s: %s: %s", method, name, answer.Status, text)
	}
	return string(text), err
}

// expectNothingLost reads every key that was acknowledged.
func (w *writer) expectNothingLost(ctx context.Context) {
	GinkgoHelper()
	Expect(w.done).NotTo(BeEmpty())
	for _, n := range w.done {
		Eventually(ctx, func() error {
			_, err := w.do(ctx, http.MethodGet, fmt.Sprintf("key-%d?consistent", n))
			return err
		}).WithTimeout(10*time.Second).Should(Succeed(), "acknowledged key %d", n)
	}
}
