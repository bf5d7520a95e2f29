//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	rendered "github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/wrappers"
)

var _ = Describe("Planned work on a Consul cluster", Ordered, func() {
	var key types.NamespacedName

	BeforeAll(func(ctx SpecContext) {
		key = types.NamespacedName{Namespace: newNamespace(ctx, "planned"), Name: "consul"}
		startClient(ctx, key.Namespace)
		expectApplied(ctx, wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Version("1.21.5").Replicas(3).Obj())
		expectSettled(ctx, key, 3)
		expectWritten(ctx, key, "my-key", "my-data")
	})

	AfterEach(func(ctx SpecContext) { expectRead(ctx, key, "consul-0", "my-key", "my-data") })

	It("rolls a changed template out, the leader last", func(ctx SpecContext) {
		before, leader := podUIDs(ctx, key, 3), leaderOf(datastore(ctx, key))
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Pod.Annotations = map[string]string{"example.com/round": "1"} })
		AddReportEntry("rollout of three", expectSettled(ctx, key, 3).String())
		expectAllReplaced(ctx, key, before)
		last := pod(ctx, key.Namespace, leader).CreationTimestamp
		for i := range 3 {
			made := pod(ctx, key.Namespace, fmt.Sprintf("consul-%d", i))
			Expect(made.CreationTimestamp.After(last.Time)).To(BeFalse(), "%s was replaced after the leader, %s", made.Name, leader)
		}
	})

	It("has running servers take up what needs no restart", func(ctx SpecContext) {
		before := podUIDs(ctx, key, 3)
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Config = settings(map[string]any{"log_level": "DEBUG"}) })
		AddReportEntry("reload of three", expectSettled(ctx, key, 3).String())
		for i := range 3 {
			Eventually(ctx, func() (string, error) { return processSetting(ctx, key, i, "Logging", "LogLevel") }).Should(Equal("DEBUG"))
		}
		Expect(podUIDs(ctx, key, 3)).To(Equal(before), "nobody was restarted")
		Expect(serverRestarts(ctx, key, 3)).To(BeZero())
	})

	It("rotates the key of gossip, and restarts nobody", func(ctx SpecContext) {
		before, old := podUIDs(ctx, key, 3), gossipKey(ctx, key)
		update(ctx, key, func(d *v1alpha1.Datastore) {
			metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationRotate, "gossip-key:now")
		})
		Eventually(ctx, func(g Gomega) {
			now := gossipKey(ctx, key)
			g.Expect(now).NotTo(Equal(old))
			g.Expect(keyring(ctx, key)).To(Equal(map[string]int{now: 3}))
		}).WithTimeout(2 * time.Minute).Should(Succeed())
		AddReportEntry("settled after the rotation", expectSettled(ctx, key, 3).String())
		Expect(podUIDs(ctx, key, 3)).To(Equal(before), "nobody was replaced")
		Expect(serverRestarts(ctx, key, 3)).To(BeZero())
		By("a member joins with the new key alone, and others come back with it")
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](4) })
		expectSettled(ctx, key, 4)
		Expect(k8s.Delete(ctx, pod(ctx, key.Namespace, "consul-1"))).To(Succeed())
		expectNotReady(ctx, key)
		expectSettled(ctx, key, 4)
		Expect(keyring(ctx, key)).To(Equal(map[string]int{gossipKey(ctx, key): 4}))
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](3) })
		expectSettled(ctx, key, 3)
	})

	It("restarts the servers for what they read only when they start", func(ctx SpecContext) {
		before := podUIDs(ctx, key, 3)
		update(ctx, key, func(d *v1alpha1.Datastore) {
			d.Spec.Config = settings(map[string]any{"log_level": "DEBUG", "telemetry": map[string]any{"prometheus_retention_time": "2h"}})
		})
		expectSettled(ctx, key, 3)
		expectAllReplaced(ctx, key, before)
		for i := range 3 {
			Expect(processSetting(ctx, key, i, "Telemetry", "PrometheusOpts", "Expiration")).To(Equal("2h0m0s"))
			Expect(processSetting(ctx, key, i, "Logging", "LogLevel")).To(Equal("DEBUG"))
		}
	})

	It("upgrades to the next release and goes back", func(ctx SpecContext) {
		for _, version := range []string{"1.22.3", "1.21.5"} {
			update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Version = version })
			AddReportEntry("to "+version, expectSettled(ctx, key, 3).String())
			for _, m := range datastore(ctx, key).Status.Members {
				Expect(m.Version).To(Equal(version), m.Name)
			}
			expectPeers(ctx, key, 3)
			expectRead(ctx, key, "consul-2", "my-key", "my-data")
		}
	})

	It("puts the former template back where the first member does not come up with the changed one", func(ctx SpecContext) {
		before := podUIDs(ctx, key, 3)
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Image = "quorate.test/nothing:1" })
		message := expectConditionWithin(ctx, 3*time.Minute, key, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRolloutFailed)
		Expect(message).To(ContainSubstring("image"))
		expectConditionWithin(ctx, time.Minute, key, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonAllMembersReady)
		replaced := 0
		for name, uid := range podUIDs(ctx, key, 3) {
			if uid != before[name] {
				replaced++
			}
		}
		Expect(replaced).To(Equal(1), "the others were left alone")
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Image = "" })
		expectSettled(ctx, key, 3)
	})

	It("enlarges the volumes of running members", func(ctx SpecContext) {
		before := podUIDs(ctx, key, 3)
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Storage.Size = resource.MustParse("2Gi") })
		expectSettled(ctx, key, 3)
		for i := range 3 {
			Eventually(ctx, func() string {
				return claim(ctx, key.Namespace, fmt.Sprintf("consul-%d", i)).Status.Capacity.Storage().String()
			}).Should(Equal("2Gi"))
		}
		Expect(podUIDs(ctx, key, 3)).To(Equal(before), "nobody was restarted")
	})

	It("is stopped and started again, with its data", func(ctx SpecContext) {
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Stopped = true })
		expectCondition(ctx, key, v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonStopped)
		var pods corev1.PodList
		Expect(k8s.List(ctx, &pods, client.InNamespace(key.Namespace), client.MatchingLabels{"quorate.dev/datastore": key.Name})).To(Succeed())
		Expect(pods.Items).To(BeEmpty())
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Stopped = false })
		AddReportEntry("started again", expectSettled(ctx, key, 3).String())
	})

	It("gives living pods the operator's own agent, and restarts no server", func(ctx SpecContext) {
		before := podUIDs(ctx, key, 3)
		other := "docker.io/quorate/quorate:dev" // the same image under its long name
		installOperator(ctx, "--set", "extraArgs={--agent-image="+other+"}")
		DeferCleanup(func(ctx SpecContext) { installOperator(ctx) }, NodeTimeout(3*time.Minute))
		for i := range 3 {
			Eventually(ctx, func(g Gomega) {
				p := pod(ctx, key.Namespace, fmt.Sprintf("consul-%d", i))
				for _, c := range p.Spec.InitContainers {
					if c.Name == "quorate-agent" {
						g.Expect(c.Image).To(Equal(other))
					}
				}
			}).Should(Succeed())
		}
		expectSettled(ctx, key, 3)
		Expect(podUIDs(ctx, key, 3)).To(Equal(before))
		Expect(serverRestarts(ctx, key, 3)).To(BeZero())
	})

	It("lets nodes be drained one after the other, whoever asks for how many", func(ctx SpecContext) {
		nodes := map[string]string{}
		for i := range 3 {
			p := pod(ctx, key.Namespace, fmt.Sprintf("consul-%d", i))
			nodes[p.Name] = p.Spec.NodeName
		}
		drained := []string{nodes["consul-0"], nodes["consul-1"]}
		if drained[0] == drained[1] {
			Skip("the members are on one node")
		}
		uncordon := func(ctx context.Context) {
			for _, n := range drained {
				Expect(cluster.Kubectl(ctx, "uncordon", n)).To(Succeed())
			}
		}
		DeferCleanup(func(ctx SpecContext) { uncordon(ctx) }, NodeTimeout(time.Minute))
		lowest := make(chan int)
		watching, stop := context.WithCancel(ctx)
		go func() { lowest <- lowestReady(watching, key) }()
		var drains sync.WaitGroup
		for _, n := range drained {
			drains.Go(func() {
				// The claims stay with their nodes, so that the second drain has to wait
				// until the first node is back.
				_ = cluster.Kubectl(ctx, "drain", n, "--ignore-daemonsets", "--delete-emptydir-data", "--force",
					"--pod-selector", "quorate.dev/datastore="+key.Name, "--timeout", "20s")
			})
		}
		drains.Wait()
		stop()
		Expect(<-lowest).To(BeNumerically(">=", 2), "two members were evicted at once")
		uncordon(ctx)
		expectSettled(ctx, key, 3)
	})

	It("hands the leadership over when it is asked to", func(ctx SpecContext) {
		heir := "consul-0"
		if leaderOf(datastore(ctx, key)) == heir {
			heir = "consul-1"
		}
		before := podUIDs(ctx, key, 3)
		update(ctx, key, func(d *v1alpha1.Datastore) {
			metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationSwitchover, heir)
		})
		Eventually(ctx, func() string { return leaderOf(datastore(ctx, key)) }).Should(Equal(heir))
		Expect(podUIDs(ctx, key, 3)).To(Equal(before))
	})
})

var _ = Describe("A set of two", Ordered, func() {
	It("is rolled out only where downtime is allowed", func(ctx SpecContext) {
		key := types.NamespacedName{Namespace: newNamespace(ctx, "two"), Name: "consul"}
		startClient(ctx, key.Namespace)
		expectApplied(ctx, wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Replicas(2).Obj())
		expectSettled(ctx, key, 2)
		expectWritten(ctx, key, "my-key", "my-data")
		before := podUIDs(ctx, key, 2)
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Pod.Annotations = map[string]string{"example.com/round": "1"} })
		expectCondition(ctx, key, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDowntimeRefused)
		Expect(podUIDs(ctx, key, 2)).To(Equal(before))
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Disruption = v1alpha1.DisruptionAllowDowntime })
		expectSettled(ctx, key, 2)
		expectAllReplaced(ctx, key, before)
		expectRead(ctx, key, "consul-1", "my-key", "my-data")
	})
})

// lowestReady returns the least number of members that were ready at once until
// the context ended.
func lowestReady(ctx context.Context, key types.NamespacedName) int {
	lowest := 3
	for ctx.Err() == nil {
		var pods corev1.PodList
		if err := k8s.List(ctx, &pods, client.InNamespace(key.Namespace), client.MatchingLabels{"quorate.dev/datastore": key.Name}); err != nil {
			continue
		}
		ready := 0
		for _, p := range pods.Items {
			if rendered.PodReady(&p) {
				ready++
			}
		}
		lowest = min(lowest, ready)
	}
	return lowest
}

func leaderOf(d *v1alpha1.Datastore) string {
	for _, m := range d.Status.Members {
		if leads(m) {
			return m.Name
		}
	}
	return ""
}

func podUIDs(ctx context.Context, key types.NamespacedName, size int) map[string]types.UID {
	GinkgoHelper()
	out := map[string]types.UID{}
	for i := range size {
		p := pod(ctx, key.Namespace, fmt.Sprintf("%s-%d", key.Name, i))
		out[p.Name] = p.UID
	}
	return out
}

func expectAllReplaced(ctx context.Context, key types.NamespacedName, before map[string]types.UID) {
	GinkgoHelper()
	for name, uid := range podUIDs(ctx, key, len(before)) {
		Expect(uid).NotTo(Equal(before[name]), "%s was not replaced", name)
	}
}

func serverRestarts(ctx context.Context, key types.NamespacedName, size int) (restarts int32) {
	GinkgoHelper()
	for i := range size {
		for _, c := range pod(ctx, key.Namespace, fmt.Sprintf("%s-%d", key.Name, i)).Status.ContainerStatuses {
			restarts += c.RestartCount
		}
	}
	return restarts
}

// processSetting asks the process of a member for a setting that it runs with.
func processSetting(ctx context.Context, key types.NamespacedName, member int, path ...string) (string, error) {
	text, err := curl(ctx, key, fmt.Sprintf("http://%s-%d.%s:8500/v1/agent/self", key.Name, member, key.Name))
	if err != nil {
		return "", err
	}
	var self struct{ DebugConfig map[string]any }
	if err := json.Unmarshal([]byte(text), &self); err != nil {
		return "", err
	}
	var value any = self.DebugConfig
	for _, step := range path {
		level, ok := value.(map[string]any)
		if !ok {
			return "", fmt.Errorf("%v is not in the description of the process", path)
		}
		value = level[step]
	}
	return fmt.Sprint(value), nil
}

// gossipKey is the present key in the members' Secret.
func gossipKey(ctx context.Context, key types.NamespacedName) string {
	GinkgoHelper()
	var s corev1.Secret
	Expect(k8s.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Name + "-member"}, &s)).To(Succeed())
	Expect(s.Data["gossip"]).NotTo(BeEmpty())
	return string(s.Data["gossip"])
}

// keyring counts the servers that have each key.
func keyring(ctx context.Context, key types.NamespacedName) map[string]int {
	text, err := curl(ctx, key, fmt.Sprintf("http://%s-client:8500/v1/operator/keyring", key.Name))
	var rings []struct{ Keys map[string]int }
	if err != nil || json.Unmarshal([]byte(text), &rings) != nil || len(rings) != 1 {
		return nil
	}
	return rings[0].Keys
}
