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
	"path/filepath"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/bench/load"
	"github.com/quorate/quorate/hack/dial"
	"github.com/quorate/quorate/hack/target"
)

// burnIn is for how long a release has to have run in these specs.
const burnIn = 20 * time.Second

// The sample go-demo-3 as it is, under load from the first person to the last: of
// its API, and of the driver beside it.
var _ = Describe("MongoDB behind an API, as in the tutorial", Ordered, withMongoDB, func() {
	key := types.NamespacedName{Namespace: "go-demo-3", Name: "db"}
	var set *replicaSet
	var callers *visitors
	var identity string

	BeforeAll(func(ctx SpecContext) {
		installOperator(ctx, "--set", "extraArgs={--burn-in="+burnIn.String()+"}")
		DeferCleanup(func(ctx SpecContext) { installOperator(ctx) }, NodeTimeout(3*time.Minute))
		makeNamespace(ctx, metav1.ObjectMeta{Name: key.Namespace})
		begin := time.Now()
		Expect(cluster.Kubectl(ctx, "apply", "-f", filepath.Join("config", "samples", "go-demo-3.yaml"))).To(Succeed())
		expectSettled(ctx, key, 3)
		Expect(cluster.Kubectl(ctx, "-n", key.Namespace, "rollout", "status", "deployment/api", "--timeout=120s")).To(Succeed())
		AddReportEntry("applied, formed, and three pods of the API ready", time.Since(begin).String())
		set = openSet(ctx, key)
		identity = set.expectSet(ctx, 3)
		set.underLoad(ctx)
		callers = visit(ctx, set.names, "http://api."+key.Namespace+".svc.cluster.local")
	})

	It("stores people and lists them, and no pod of the API had to be restarted until it could", func(ctx SpecContext) {
		callers.expectNobodyLost(ctx)
		var pods corev1.PodList
		Expect(k8s.List(ctx, &pods, client.InNamespace(key.Namespace), client.MatchingLabels{"app": "api"})).To(Succeed())
		Expect(pods.Items).To(HaveLen(3))
		for _, p := range pods.Items {
			Expect(p.Status.ContainerStatuses).To(HaveLen(1))
			Expect(p.Status.ContainerStatuses[0].RestartCount).To(BeZero())
		}
	})

	It("is rolled from 7.0 to 8.0, the primary last, and no write fails", func(ctx SpecContext) {
		before, primary, from := podUIDs(ctx, key, 3), leaderOf(datastore(ctx, key)), time.Now()
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Version = "8.0" })
		AddReportEntry("from 7.0 to 8.0", expectSettled(ctx, key, 3).String())
		expectAllReplaced(ctx, key, before)
		last := pod(ctx, key.Namespace, primary).CreationTimestamp
		for i := range 3 {
			made := pod(ctx, key.Namespace, fmt.Sprintf("db-%d", i))
			Expect(made.CreationTimestamp.After(last.Time)).To(BeFalse(), "%s was replaced after the primary, %s", made.Name, primary)
		}
		for _, m := range datastore(ctx, key).Status.Members {
			Expect(m.Version).To(HavePrefix("8.0"), m.Name)
		}
		set.expectNoneFailed(0)
		// Where nobody is handed over to, an election takes ten seconds of silence. A
		// machine that does nothing else has a quarter of a second here, and one with
		// fifteen times too much to do more than one.
		Expect(set.gap("from 7.0 to 8.0", from)).To(BeNumerically("<=", 5*time.Second))
		callers.expectNoneFailed()
		set.expectNothingLost(ctx, 3)
	})

	It("gets the features of 8.0 when that has burned in and not before, and refuses to go back then", func(ctx SpecContext) {
		var began time.Time
		for i := range 3 {
			for _, c := range pod(ctx, key.Namespace, fmt.Sprintf("db-%d", i)).Status.ContainerStatuses {
				if c.Name == "server" && c.State.Running != nil && c.State.Running.StartedAt.After(began) {
					began = c.State.Running.StartedAt.Time
				}
			}
		}
		Eventually(ctx, func(g Gomega) {
			now, err := set.features(ctx)
			at := time.Now()
			g.Expect(err).NotTo(HaveOccurred())
			if at.Before(began.Add(burnIn)) {
				Expect(now).To(Equal("7.0"), "the way back was given up %s after the last server had started", at.Sub(began))
			}
			g.Expect(now).To(Equal("8.0"))
		}).WithPolling(100 * time.Millisecond).Should(Succeed())
		AddReportEntry("features raised after the last server had started", time.Since(began).String())
		before := podUIDs(ctx, key, 3)
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Version = "7.0" })
		Expect(expectCondition(ctx, key, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonUpgradeRefused)).
			To(ContainSubstring("8.0"))
		Expect(podUIDs(ctx, key, 3)).To(Equal(before))
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Version = "8.0" })
		expectSettled(ctx, key, 3)
		Expect(podUIDs(ctx, key, 3)).To(Equal(before))
	})

	It("scales from three to five and back under the API", func(ctx SpecContext) {
		for _, size := range []int{5, 3} {
			Expect(cluster.Kubectl(ctx, "-n", key.Namespace, "scale", "dstore", "db", fmt.Sprintf("--replicas=%d", size))).To(Succeed())
			expectSettled(ctx, key, size)
			set.expectSet(ctx, size)
		}
		set.expectNoneFailed(0)
		callers.expectNoneFailed()
		callers.expectNobodyLost(ctx)
	})

	It("replaces the member of a node that is lost, and loses nobody", func(ctx SpecContext) {
		if cluster.Kind != target.Local {
			Skip("nodes can be taken away on the local cluster only")
		}
		lost, node := memberToLose(ctx, key)
		uid, from := claim(ctx, key.Namespace, lost).UID, time.Now()
		Expect(cluster.Local(ctx, "node", "down", node)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			Expect(cluster.Local(ctx, "node", "up", node)).To(Succeed())
			Expect(cluster.Kubectl(ctx, "taint", "node", node, "node.kubernetes.io/out-of-service-")).To(Succeed())
		}, NodeTimeout(3*time.Minute))
		Expect(cluster.Kubectl(ctx, "taint", "node", node, "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute")).To(Succeed())
		expectAnotherClaim(ctx, key, lost, uid)
		AddReportEntry("node of "+lost+" lost, all voters again", expectSettled(ctx, key, 3).String())
		Expect(pod(ctx, key.Namespace, lost).Spec.NodeName).NotTo(Equal(node))
		Expect(set.expectSet(ctx, 3)).To(Equal(identity))
		set.gap("a node lost", from)
		set.expectNothingLost(ctx, 3)
		callers.expectNobodyLost(ctx)
	})
})

// memberToLose is the primary, or where the operator is on its node another
// member: it is a server's loss that is looked at, and not the operator's.
func memberToLose(ctx context.Context, key types.NamespacedName) (name, node string) {
	GinkgoHelper()
	var managers corev1.PodList
	Expect(k8s.List(ctx, &managers, client.InNamespace(operatorNamespace))).To(Succeed())
	taken := map[string]bool{}
	for _, p := range managers.Items {
		taken[p.Spec.NodeName] = true
	}
	candidates := []string{leaderOf(datastore(ctx, key)), "db-0", "db-1", "db-2"}
	for _, name = range candidates {
		if node = pod(ctx, key.Namespace, name).Spec.NodeName; !taken[node] {
			return name, node
		}
	}
	Fail("the operator is on every node")
	return "", ""
}

// visitors store a person every 50 ms, whatever became of those before. A person
// whose request got no answer is asked for once more, over a connection of its own.
type visitors struct {
	base          string
	pooled, fresh *http.Client

	mu      sync.Mutex
	people  []load.Write
	pending sync.WaitGroup
}

// visit begins with it; it ends after the specs.
func visit(ctx context.Context, names dial.Dialer, base string) *visitors {
	GinkgoHelper()
	caller := func(pooled bool) *http.Client {
		return &http.Client{Timeout: 25 * time.Second, Transport: &http.Transport{DialContext: names.DialContext, DisableKeepAlives: !pooled, MaxIdleConnsPerHost: 32}}
	}
	v := &visitors{base: base, pooled: caller(true), fresh: caller(false)}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(load.Every)
		defer ticker.Stop()
		for n := 0; ; n++ {
			select {
			case <-running.Done():
				v.pending.Wait()
				return
			case <-ticker.C:
				v.pending.Go(func() { v.store(context.WithoutCancel(running), n) })
			}
		}
	}()
	DeferCleanup(func(SpecContext) {
		stop()
		<-ended
	}, NodeTimeout(2*time.Minute))
	return v
}

func (v *visitors) store(ctx context.Context, n int) {
	w := load.Write{Key: fmt.Sprintf("person-%06d", n), Value: fmt.Sprintf("Person %d", n)}
	err := v.put(ctx, v.pooled, w)
	if err != nil {
		w.Retried = true
		err = v.put(ctx, v.fresh, w)
	}
	if err == nil {
		w.Acked = time.Now()
	} else {
		w.Error = err.Error()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.people = append(v.people, w)
}

func (v *visitors) put(ctx context.Context, by *http.Client, w load.Write) error {
	body, err := json.Marshal(map[string]string{"name": w.Value})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, v.base+"/people/"+w.Key, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	answer, err := by.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	return err
}

func (v *visitors) all() []load.Write {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]load.Write(nil), v.people...)
}

// expectNoneFailed looks at all requests that have their answer.
func (v *visitors) expectNoneFailed() {
	GinkgoHelper()
	for _, w := range v.all() {
		Expect(w.Error).To(BeEmpty(), w.Key)
	}
}

// expectNobodyLost lists people through the API, and looks for everybody whose
// storing was acknowledged.
func (v *visitors) expectNobodyLost(ctx context.Context) {
	GinkgoHelper()
	from := time.Now().Add(load.Every)
	Eventually(ctx, func() int {
		n := 0
		for _, w := range v.all() {
			if w.Acked.After(from) {
				n++
			}
		}
		return n
	}).WithTimeout(time.Minute).Should(BeNumerically(">=", 5), "nobody is stored any more")
	before := v.all()
	Eventually(ctx, func(g Gomega) {
		stored, err := v.list(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(load.Lost(before, stored)).To(BeEmpty(), "acknowledged people are lost")
	}).WithTimeout(30 * time.Second).Should(Succeed())
}

func (v *visitors) list(ctx context.Context) (map[string]string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+"/people", nil)
	if err != nil {
		return nil, err
	}
	answer, err := v.fresh.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	var people []struct{ ID, Name string }
	if err := json.NewDecoder(answer.Body).Decode(&people); err != nil {
		return nil, fmt.Errorf("%s: %w", answer.Status, err)
	}
	out := map[string]string{}
	for _, p := range people {
		out[p.ID] = p.Name
	}
	return out, nil
}
