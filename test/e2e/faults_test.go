//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
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

	It("renews all certificates under a client that writes, and restarts nobody", func(ctx SpecContext) {
		before, authority := podUIDs(ctx, key, 3), certificateAuthority(ctx, key)
		update(ctx, key, func(d *v1alpha1.Datastore) {
			metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationRotateCertificates, "now")
		})
		begin, hurried := time.Now(), time.Time{}
		Eventually(ctx, func(g Gomega) {
			if err := w.write(ctx); err != nil {
				StopTrying("a write failed while certificates were made anew").Wrap(err).Now()
			}
			if time.Since(hurried) > 2*time.Second {
				hurried = time.Now()
				hurryKubelets(ctx, key, 3)
			}
			g.Expect(certificateAuthority(ctx, key)).NotTo(Equal(authority))
			g.Expect(unsettled(datastore(ctx, key), 3)).To(BeEmpty())
		}).WithTimeout(3 * time.Minute).WithPolling(50 * time.Millisecond).Should(Succeed())
		AddReportEntry("all certificates renewed", time.Since(begin).String())
		Expect(podUIDs(ctx, key, 3)).To(Equal(before))
		Expect(serverRestarts(ctx, key, 3)).To(BeZero())
		w.expectNothingLost(ctx)
	})

	It("replaces the leader whose node is lost for good, and loses nothing that was acknowledged", func(ctx SpecContext) {
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Storage.Retention.WhenLost = v1alpha1.LostDelete })
		expectSettled(ctx, key, 3)
		leader := leaderOf(datastore(ctx, key))
		id, uid, node := memberID(datastore(ctx, key), leader), claim(ctx, key.Namespace, leader).UID, pod(ctx, key.Namespace, leader).Spec.NodeName
		moveOperatorFrom(ctx, node)
		Expect(w.write(ctx)).To(Succeed())
		Expect(cluster.Local(ctx, "node", "down", node)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			Expect(cluster.Local(ctx, "node", "up", node)).To(Succeed())
			Expect(cluster.Kubectl(ctx, "taint", "node", node, corev1.TaintNodeOutOfService+"-")).To(Succeed())
		}, NodeTimeout(2*time.Minute))
		Eventually(ctx, func() error { return w.write(ctx) }).WithTimeout(30 * time.Second).Should(Succeed())
		expectNotReady(ctx, key) // the node is missed, and nobody has said that it is gone
		Expect(claim(ctx, key.Namespace, leader).DeletionTimestamp).To(BeNil())

		Expect(cluster.Kubectl(ctx, "taint", "node", node, corev1.TaintNodeOutOfService+"=nodeshutdown:NoExecute")).To(Succeed())
		expectAnotherClaim(ctx, key, leader, uid)
		AddReportEntry("all voters again without the node", expectSettled(ctx, key, 3).String())
		Expect(memberID(datastore(ctx, key), leader)).NotTo(Equal(id))
		Expect(pod(ctx, key.Namespace, leader).Spec.NodeName).NotTo(Equal(node))
		w.expectNothingLost(ctx)
	})
})

// certificateAuthority is the key by which new pairs are signed.
func certificateAuthority(ctx context.Context, key types.NamespacedName) string {
	GinkgoHelper()
	var secret corev1.Secret
	Expect(k8s.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Name + "-ca"}, &secret)).To(Succeed())
	return string(secret.Data["ca.key"])
}

// hurryKubelets has the kubelets look at the pods now, and with them at what is
// mounted, which they do once a minute by themselves.
func hurryKubelets(ctx context.Context, key types.NamespacedName, size int) {
	GinkgoHelper()
	for i := range size {
		p := pod(ctx, key.Namespace, fmt.Sprintf("%s-%d", key.Name, i))
		before := p.DeepCopy()
		metav1.SetMetaDataAnnotation(&p.ObjectMeta, "example.com/looked-at", time.Now().Format(time.RFC3339Nano))
		Expect(k8s.Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
	}
}

// moveOperatorFrom has the operator run on another node than the one that is to be
// lost: what is tried is the loss of a server.
func moveOperatorFrom(ctx context.Context, node string) {
	GinkgoHelper()
	Expect(cluster.Kubectl(ctx, "cordon", node)).To(Succeed())
	Expect(cluster.Kubectl(ctx, "-n", operatorNamespace, "delete", "pod", "--field-selector", "spec.nodeName="+node)).To(Succeed())
	Expect(cluster.Kubectl(ctx, "-n", operatorNamespace, "rollout", "status", "deployment/quorate-manager", "--timeout=60s")).To(Succeed())
	Expect(cluster.Kubectl(ctx, "uncordon", node)).To(Succeed())
}

// writer writes keys through the client Service and remembers those that were
// acknowledged.
type writer struct {
	base, token string
	http        *http.Client
	value       string
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
		base: "http://" + service.Spec.ClusterIP + ":8500/v1/kv/", token: string(secret.Data["token"]), value: "value",
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
	req, err := http.NewRequestWithContext(ctx, method, w.base+name, strings.NewReader(w.value))
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

// expectNothingLost looks for every key that was acknowledged.
func (w *writer) expectNothingLost(ctx context.Context) {
	GinkgoHelper()
	Expect(w.done).NotTo(BeEmpty())
	var there []string
	Eventually(ctx, func() error {
		text, err := w.do(ctx, http.MethodGet, "key-?keys&consistent")
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(text), &there)
	}).WithTimeout(10 * time.Second).Should(Succeed())
	for _, n := range w.done {
		Expect(there).To(ContainElement(fmt.Sprintf("key-%d", n)), "it was acknowledged")
	}
}
