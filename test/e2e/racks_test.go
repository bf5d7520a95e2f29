//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/wrappers"
)

// A ring of which each member is in a rack of its own, and each rack in a zone, so that
// every row has a copy in each.
var _ = Describe("A Cassandra ring in three racks", Ordered, withCassandra, func() {
	var key types.NamespacedName
	var set *ring
	var racks []v1alpha1.CassandraRack

	BeforeAll(func(ctx SpecContext) {
		racks = racksOf(ctx)
		key = types.NamespacedName{Namespace: newNamespace(ctx, "racks"), Name: "cassandra"}
		// The fourth has to wait until each rack has a member, though it may be ready first.
		expectApplied(ctx, inRacks(makeCassandra(key), racks).Replicas(4).Obj())
		AddReportEntry("time to four members in three racks, usable", expectSettledWithin(ctx, ringTime, key, 4).String())
		set = openRing(ctx, key)
		set.members = []string{"cassandra-rack-a-0", "cassandra-rack-b-0", "cassandra-rack-c-0", "cassandra-rack-a-1"}
		set.expectRing(ctx, 4)
		set.underLoad(ctx)
	})

	It("has each member in its rack, and its pod in the zone of that", func(ctx SpecContext) {
		for i := range 4 {
			set.expectPlace(ctx, i, racks[i%3])
		}
		set.expectNothingLost(ctx, 4)
	})

	It("brings a deleted pod back in its zone, with its rack and its identity", func(ctx SpecContext) {
		ids, from := set.expectRing(ctx, 4), time.Now()
		expectPodReplaced(ctx, key, set.members[1])
		set.expectSettled(ctx, 4)
		AddReportEntry("a pod deleted, all members again", time.Since(from).String())
		Expect(set.expectRing(ctx, 4)).To(Equal(ids))
		set.expectPlace(ctx, 1, racks[1])
		set.expectNoneFailed(0)
	})

	It("scales from four to three and back, by the first rack", func(ctx SpecContext) {
		before, from := len(set.load.Writes()), time.Now()
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](3) })
		AddReportEntry("4 to 3", set.expectSettled(ctx, 3).String())
		set.expectRing(ctx, 3)
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](4) })
		AddReportEntry("3 to 4", set.expectSettled(ctx, 4).String())
		set.expectRing(ctx, 4)
		set.expectPlace(ctx, 3, racks[0])
		set.gap("4 to 3 to 4", from)
		set.expectNoneFailed(before)
		set.expectNothingLost(ctx, 4)
	})

	It("replaces a member whose pod and claim are deleted, in its rack", func(ctx SpecContext) {
		lost, from := set.members[2], time.Now()
		uid := claim(ctx, key.Namespace, lost).UID
		Expect(k8s.Delete(ctx, claim(ctx, key.Namespace, lost))).To(Succeed())
		Expect(k8s.Delete(ctx, pod(ctx, key.Namespace, lost))).To(Succeed())
		expectAnotherClaim(ctx, key, lost, uid)
		set.expectSettled(ctx, 4)
		AddReportEntry("pod and claim lost, all members again", time.Since(from).String())
		set.expectRing(ctx, 4)
		set.expectPlace(ctx, 2, racks[2])
		set.gap("pod and claim deleted", from)
		set.expectNothingLost(ctx, 4)
	})
})

// inRacks has a ring made in racks.
func inRacks(w *wrappers.DatastoreWrapper, racks []v1alpha1.CassandraRack) *wrappers.DatastoreWrapper {
	return w.Cassandra(v1alpha1.CassandraSpec{ClusterName: "K8Demo", Datacenter: "DC1-K8Demo", Racks: racks})
}

// racksOf are three racks, each in another zone of the cluster's.
func racksOf(ctx context.Context) []v1alpha1.CassandraRack {
	GinkgoHelper()
	var nodes corev1.NodeList
	Expect(k8s.List(ctx, &nodes)).To(Succeed())
	zones := map[string]bool{}
	var out []v1alpha1.CassandraRack
	for _, n := range nodes.Items {
		zone := n.Labels[corev1.LabelTopologyZone]
		if zone == "" || zones[zone] || n.Spec.Unschedulable || len(out) == 3 {
			continue
		}
		zones[zone] = true
		out = append(out, v1alpha1.CassandraRack{Name: string(rune('a' + len(out))), Zone: zone})
	}
	if len(out) < 3 {
		Skip(fmt.Sprintf("the nodes are in %d zones, and three are needed", len(out)))
	}
	return out
}

// expectPlace holds that a member's server is in a rack, and its pod on a node of the
// rack's zone.
func (r *ring) expectPlace(ctx context.Context, number int, want v1alpha1.CassandraRack) {
	GinkgoHelper()
	p := pod(ctx, r.key.Namespace, r.member(number))
	Expect(p.Labels).To(HaveKeyWithValue(resource.RackLabel, want.Name))
	var n corev1.Node
	Expect(k8s.Get(ctx, types.NamespacedName{Name: p.Spec.NodeName}, &n)).To(Succeed())
	Expect(n.Labels).To(HaveKeyWithValue(corev1.LabelTopologyZone, want.Zone))
	s := r.alone(ctx, number)
	defer s.Close()
	var rack string
	Expect(s.Query("SELECT rack FROM system.local").ScanContext(ctx, &rack)).To(Succeed())
	Expect(rack).To(Equal(want.Name))
}
