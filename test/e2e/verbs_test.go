//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
)

// newNamespace makes a namespace under the restricted Pod Security level and
// removes it, with all claims, after the spec. What a failed spec left behind
// is shown.
func newNamespace(ctx context.Context, prefix string) string {
	GinkgoHelper()
	return makeNamespace(ctx, metav1.ObjectMeta{GenerateName: prefix + "-"})
}

// makeNamespace does the same under a name of the caller's choice.
func makeNamespace(ctx context.Context, name metav1.ObjectMeta) string {
	GinkgoHelper()
	var ns string
	// After that of the namespace itself. Kubernetes looks again after half the time that
	// the pods were given to end in, which is three minutes of Cassandra's.
	DeferCleanup(func(ctx SpecContext) {
		Eventually(ctx, func() bool {
			return apierrors.IsNotFound(k8s.Get(ctx, types.NamespacedName{Name: ns}, &corev1.Namespace{}))
		}).WithTimeout(150*time.Second).Should(BeTrue(), "namespace %s is not removed", ns)
	}, NodeTimeout(3*time.Minute))
	ns = makeNamespaceLeftToGo(ctx, name)
	return ns
}

// newNamespaceLeftToGo makes one in the same way, and does not wait until it is
// removed: for specs of which there are many, each in a namespace of its own.
func newNamespaceLeftToGo(ctx context.Context, prefix string) string {
	GinkgoHelper()
	return makeNamespaceLeftToGo(ctx, metav1.ObjectMeta{GenerateName: prefix + "-"})
}

func makeNamespaceLeftToGo(ctx context.Context, name metav1.ObjectMeta) string {
	GinkgoHelper()
	name.Labels = map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
	ns := &corev1.Namespace{ObjectMeta: name}
	Expect(k8s.Create(ctx, ns)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		if CurrentSpecReport().Failed() {
			showState(ctx, ns.Name)
		}
		dismiss(ctx, ns.Name)
	}, NodeTimeout(time.Minute))
	return ns.Name
}

// dismiss begins to remove a namespace. Its Datastores go first, so that nobody sees
// to their servers any more.
func dismiss(ctx context.Context, ns string) {
	GinkgoHelper()
	Expect(k8s.DeleteAllOf(ctx, &v1alpha1.Datastore{}, client.InNamespace(ns))).To(Succeed())
	Expect(client.IgnoreNotFound(k8s.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}))).To(Succeed())
	// Nobody needs these servers to end in good order.
	Expect(k8s.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(ns), client.GracePeriodSeconds(1))).To(Succeed())
}

// showState prints what a person would look at first.
func showState(ctx context.Context, namespace string) {
	for _, args := range [][]string{
		{"-n", namespace, "get", "dstore,sts,pods,pvc", "-o", "wide"},
		{"-n", namespace, "get", "dstore", "-o", "yaml"},
		{"-n", namespace, "get", "configmap", "-l", "quorate.dev/component=ledger", "-o", "jsonpath={.items[*].data}"},
		{"-n", namespace, "get", "events", "--sort-by=.lastTimestamp"},
		{"-n", namespace, "logs", "-l", "quorate.dev/component=server", "--all-containers", "--tail=40", "--prefix"},
		{"-n", operatorNamespace, "logs", "deploy/quorate-manager", "--tail=60"},
	} {
		_, _ = fmt.Fprintf(GinkgoWriter, "$ kubectl %s\n", strings.Join(args, " "))
		_ = cluster.Kubectl(ctx, args...) // shown as far as it goes
	}
}

// expectApplied creates an object.
func expectApplied(ctx context.Context, o client.Object) {
	GinkgoHelper()
	Expect(k8s.Create(ctx, o)).To(Succeed())
}

// datastore gets one afresh.
func datastore(ctx context.Context, key types.NamespacedName) *v1alpha1.Datastore {
	GinkgoHelper()
	var d v1alpha1.Datastore
	Expect(k8s.Get(ctx, key, &d)).To(Succeed())
	return &d
}

// expectSettled waits until every member serves as a healthy voter, exactly one
// leads where any does, and nothing is left to do. It returns how long that took.
func expectSettled(ctx context.Context, key types.NamespacedName, size int) time.Duration {
	GinkgoHelper()
	return expectSettledWithin(ctx, 3*time.Minute, key, size)
}

func expectSettledWithin(ctx context.Context, within time.Duration, key types.NamespacedName, size int) time.Duration {
	GinkgoHelper()
	begin := time.Now()
	Eventually(ctx, func(g Gomega) {
		var d v1alpha1.Datastore
		g.Expect(k8s.Get(ctx, key, &d)).To(Succeed())
		g.Expect(unsettled(&d, size)).To(BeEmpty())
	}).WithTimeout(within).Should(Succeed())
	return time.Since(begin)
}

// unsettled says what is still missing.
func unsettled(d *v1alpha1.Datastore, size int) string {
	c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionReady)
	r := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionReconciling)
	voters, leaders, lead := 0, 0, 1
	if d.Spec.Engine == v1alpha1.EngineCassandra {
		lead = 0
	}
	for _, m := range d.Status.Members {
		if m.Voter != nil && *m.Voter && m.Healthy != nil && *m.Healthy {
			voters++
		}
		if leads(m) {
			leaders++
		}
	}
	switch {
	case c == nil || r == nil:
		return "there is no status"
	case d.Status.ObservedGeneration != d.Generation:
		return "the specification has not been taken up"
	case c.Status != metav1.ConditionTrue:
		return "not ready: " + c.Message
	case r.Status != metav1.ConditionFalse:
		return "reconciling: " + r.Message
	case len(d.Status.Members) != size || voters != size || leaders != lead:
		return fmt.Sprintf("%d members, %d healthy voters, %d leaders", len(d.Status.Members), voters, leaders)
	}
	return ""
}

// leads tells whether a member leads, in the word of its engine.
func leads(m v1alpha1.MemberStatus) bool { return m.Role == "leader" || m.Role == "primary" }

// expectCondition waits for a condition with a status and a reason, and
// returns its message.
func expectCondition(ctx context.Context, key types.NamespacedName, condition string, status metav1.ConditionStatus, reason string) string {
	GinkgoHelper()
	return expectConditionWithin(ctx, 2*time.Minute, key, condition, status, reason)
}

func expectConditionWithin(ctx context.Context, within time.Duration, key types.NamespacedName, condition string, status metav1.ConditionStatus, reason string) string {
	GinkgoHelper()
	var message string
	Eventually(ctx, func(g Gomega) {
		var d v1alpha1.Datastore
		g.Expect(k8s.Get(ctx, key, &d)).To(Succeed())
		c := meta.FindStatusCondition(d.Status.Conditions, condition)
		g.Expect(c).NotTo(BeNil())
		g.Expect(string(c.Status)+" "+c.Reason).To(Equal(string(status)+" "+reason), c.Message)
		message = c.Message
	}).WithTimeout(within).Should(Succeed())
	return message
}

// update changes a Datastore, again if somebody else was faster.
func update(ctx context.Context, key types.NamespacedName, change func(*v1alpha1.Datastore)) {
	GinkgoHelper()
	Eventually(ctx, func() error {
		var d v1alpha1.Datastore
		if err := k8s.Get(ctx, key, &d); err != nil {
			return err
		}
		change(&d)
		return k8s.Update(ctx, &d)
	}).Should(Succeed())
}

// pod and claim of a member.
func pod(ctx context.Context, namespace, name string) *corev1.Pod {
	GinkgoHelper()
	var p corev1.Pod
	Expect(k8s.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &p)).To(Succeed())
	return &p
}

func claim(ctx context.Context, namespace, member string) *corev1.PersistentVolumeClaim {
	GinkgoHelper()
	var c corev1.PersistentVolumeClaim
	Expect(k8s.Get(ctx, types.NamespacedName{Namespace: namespace, Name: "data-" + member}, &c)).To(Succeed())
	return &c
}

// startClient runs a pod with curl in it.
func startClient(ctx context.Context, namespace string) {
	GinkgoHelper()
	yes, no, uid := true, false, int64(100)
	expectApplied(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "client"},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: new(int64),
			SecurityContext:               &corev1.PodSecurityContext{RunAsNonRoot: &yes, RunAsUser: &uid, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Containers: []corev1.Container{{
				Name: "client", Image: "curlimages/curl:8", Command: []string{"sleep", "infinity"},
				SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			}},
		},
	})
	Eventually(ctx, func() corev1.PodPhase { return pod(ctx, namespace, "client").Status.Phase }).Should(Equal(corev1.PodRunning))
}

// curl runs curl in the client pod, with the token of the connection Secret.
func curl(ctx context.Context, key types.NamespacedName, args ...string) (string, error) {
	var s corev1.Secret
	if err := k8s.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Name + "-connection"}, &s); err != nil {
		return "", err
	}
	run := append([]string{"-n", key.Namespace, "exec", "client", "--", "curl", "-sS", "--fail", "--max-time", "10",
		"-H", "X-Consul-Token: " + string(s.Data["token"])}, args...)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd, err := cluster.KubectlCommand(ctx, run...)
	if err != nil {
		return "", err
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("curl %v: %w: %s", args, err, errs.String())
	}
	return out.String(), nil
}

// expectWritten writes a key through the client Service.
func expectWritten(ctx context.Context, key types.NamespacedName, k, value string) {
	GinkgoHelper()
	Eventually(ctx, func() (string, error) {
		return curl(ctx, key, "-X", "PUT", "-d", value, fmt.Sprintf("http://%s-client:8500/v1/kv/%s", key.Name, k))
	}).Should(HavePrefix("true"))
}

// expectRead reads a key from one member.
func expectRead(ctx context.Context, key types.NamespacedName, member, k, value string) {
	GinkgoHelper()
	Eventually(ctx, func() (string, error) {
		return curl(ctx, key, fmt.Sprintf("http://%s.%s:8500/v1/kv/%s?raw", member, key.Name, k))
	}).Should(Equal(value))
}

// expectPeers reads the raft configuration and expects exactly the members.
func expectPeers(ctx context.Context, key types.NamespacedName, size int) {
	GinkgoHelper()
	Eventually(ctx, func() (int, error) {
		text, err := curl(ctx, key, fmt.Sprintf("http://%s-client:8500/v1/operator/raft/configuration", key.Name))
		return strings.Count(text, `"Voter":true`), err
	}).Should(Equal(size))
}

// expectNotReady waits until a disturbance shows, so that what follows is not
// the state before it.
func expectNotReady(ctx context.Context, key types.NamespacedName) {
	GinkgoHelper()
	Eventually(ctx, func() bool {
		return meta.IsStatusConditionTrue(datastore(ctx, key).Status.Conditions, v1alpha1.ConditionReady)
	}).Should(BeFalse())
}

// expectGone deletes an object and waits until it is gone.
func expectGone(ctx context.Context, o client.Object) {
	GinkgoHelper()
	Expect(k8s.Delete(ctx, o)).To(Succeed())
	Eventually(ctx, func() bool {
		return apierrors.IsNotFound(k8s.Get(ctx, client.ObjectKeyFromObject(o), o))
	}).Should(BeTrue())
}
