//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/cluster/storage"
	"github.com/quorate/quorate/hack/target"
	"github.com/quorate/quorate/test/wrappers"
)

var _ = Describe("A Consul cluster whose leader's disk is full", func() {
	It("says which claim is full, has no storm of elections, and goes on when the size is raised", func(ctx SpecContext) {
		if target.Kind(*clusterKind) != target.Local {
			Skip("volumes are filled from this machine on the local cluster only")
		}
		key := types.NamespacedName{Namespace: newNamespace(ctx, "disk"), Name: "consul"}
		// The log is in files of 64 MiB by default, which are written in advance.
		expectApplied(ctx, wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Replicas(3).
			StorageClass(storage.SizedClass).StorageSize("64Mi").
			Config(`{"raft_logstore":{"wal":{"segment_size_mb":1}}}`).Obj())
		expectSettled(ctx, key, 3)
		w := newWriter(ctx, key)
		w.value = strings.Repeat("x", 8<<10)
		Expect(w.write(ctx)).To(Succeed())
		leader := leaderOf(datastore(ctx, key))
		before := w.term(ctx)
		folder := volumeFolder(ctx, key.Namespace, leader)

		By("filling it")
		Expect(storage.Fill(filepath.Join(folder, "filler"))).To(Succeed())
		begin := time.Now()
		Eventually(ctx, func(g Gomega) {
			g.Expect(w.write(ctx)).To(Succeed())
			g.Expect(time.Since(begin)).To(BeNumerically(">", 20*time.Second))
		}).WithTimeout(time.Minute).WithPolling(50 * time.Millisecond).Should(Succeed())
		said := expectCondition(ctx, key, v1alpha1.ConditionStalled, "True", v1alpha1.ReasonVolumeFull)
		Expect(said).To(And(ContainSubstring("data-"+leader), ContainSubstring("spec.storage.size")))
		after := w.term(ctx)
		AddReportEntry("terms with a full disk", strconv.Itoa(after-before))
		Expect(after - before).To(BeNumerically("<=", 6))

		By("raising the size")
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Storage.Size = apiresource.MustParse("192Mi") })
		Eventually(ctx, func(g Gomega) {
			for i := range 3 {
				has := claim(ctx, key.Namespace, key.Name+"-"+strconv.Itoa(i)).Status.Capacity[corev1.ResourceStorage]
				g.Expect(has.String()).To(Equal("192Mi"))
			}
		}).Should(Succeed())
		expectCondition(ctx, key, v1alpha1.ConditionStalled, "False", v1alpha1.ReasonNotStalled)
		AddReportEntry("all voters again in larger volumes", expectSettled(ctx, key, 3).String())
		w.expectNothingLost(ctx)
		Expect(w.term(ctx) - after).To(BeNumerically("<=", 6))
	})
})

// volumeFolder is where the claim of a member is kept on this machine.
func volumeFolder(ctx context.Context, namespace, member string) string {
	GinkgoHelper()
	var v corev1.PersistentVolume
	Expect(k8s.Get(ctx, types.NamespacedName{Name: claim(ctx, namespace, member).Spec.VolumeName}, &v)).To(Succeed())
	Expect(v.Spec.Local).NotTo(BeNil(), "the volume of %s is not kept on this machine", member)
	return v.Spec.Local.Path
}

// term is the election term that the servers are in.
func (w *writer) term(ctx context.Context) int {
	GinkgoHelper()
	var self struct {
		Stats struct{ Raft struct{ Term string } }
	}
	at := *w
	at.base = strings.TrimSuffix(w.base, "kv/")
	Eventually(ctx, func() error {
		text, err := at.do(ctx, http.MethodGet, "agent/self")
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(text), &self)
	}).WithTimeout(20 * time.Second).Should(Succeed())
	n, err := strconv.Atoi(self.Stats.Raft.Term)
	Expect(err).NotTo(HaveOccurred())
	return n
}
