//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/bench/load"
	"github.com/quorate/quorate/hack/cql"
	"github.com/quorate/quorate/hack/target"
)

// What is written is acknowledged by a majority of its three replicas, and is written
// all the time: the writer runs from the first spec to the last.
var _ = Describe("A Cassandra ring from one resource", Ordered, withCassandra, func() {
	var key types.NamespacedName
	var set *ring
	var clusterID string

	BeforeAll(func(ctx SpecContext) {
		key = types.NamespacedName{Namespace: newNamespace(ctx, "ring"), Name: "cassandra"}
		expectApplied(ctx, makeCassandra(key).Obj())
		AddReportEntry("time to three members, usable", expectSettledWithin(ctx, ringTime, key, 3).String())
		clusterID = datastore(ctx, key).Status.ClusterID
		set = openRing(ctx, key)
		set.expectRing(ctx, 3)
		set.underLoad(ctx)
	})

	It("lets the driver in with the connection Secret only, and has what it writes read through every member", func(ctx SpecContext) {
		Expect(clusterID).NotTo(BeEmpty())
		set.expectNothingLost(ctx, 3)
		for user, password := range map[string]string{"admin": "another", "cassandra": "cassandra"} {
			stranger := cql.Door{Names: set.door.Names, Port: set.door.Port, User: user, Password: password}
			s, err := stranger.Alone(set.address(ctx, 0))
			if err == nil {
				s.Close()
			}
			Expect(err).To(HaveOccurred(), "%s was let in with the password %q", user, password)
		}
	})

	It("has the operator write nothing while it only serves, however much is written to it", func(ctx SpecContext) {
		if cluster.Kind != target.Local {
			Skip("only the local cluster keeps an audit log that this test can read")
		}
		before := describe(operatorWrites(ctx, key.Namespace))
		Expect(before).NotTo(BeEmpty())
		Consistently(ctx, func() string { return describe(operatorWrites(ctx, key.Namespace)) }).
			WithTimeout(15 * time.Second).WithPolling(5 * time.Second).Should(Equal(before))
	})

	It("refuses to shrink below the copies of a keyspace, and says which one", func(ctx SpecContext) {
		before := podUIDs(ctx, key, 3)
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](2) })
		refused := func(g Gomega) {
			p := datastore(ctx, key).Status.Plan
			g.Expect(p).NotTo(BeNil())
			g.Expect(p.Action+" of "+p.Member+": "+p.BlockedBy).To(Equal("Leave of cassandra-2: engine-agrees"), p.Message)
			g.Expect(p.Message).To(And(ContainSubstring("keyspace "+load.Keyspace), ContainSubstring("factor of 3")))
		}
		Eventually(ctx, refused).Should(Succeed())
		Consistently(ctx, refused).WithTimeout(10 * time.Second).Should(Succeed())
		set.expectRing(ctx, 3)
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](3) })
		set.expectSettled(ctx, 3)
		Expect(podUIDs(ctx, key, 3)).To(Equal(before))
		set.expectNoneFailed(0)
	})

	It("brings a deleted pod back: same claim, another address of the pod, same identity", func(ctx SpecContext) {
		const name = "cassandra-1"
		ids, from, asked := set.expectRing(ctx, 3), time.Now(), len(set.load.Writes())
		before, uid := pod(ctx, key.Namespace, name), claim(ctx, key.Namespace, name).UID
		expectPodReplaced(ctx, key, name)
		set.expectSettled(ctx, 3)
		AddReportEntry("a pod deleted, all members again", time.Since(from).String())
		Expect(pod(ctx, key.Namespace, name).Status.PodIP).NotTo(Equal(before.Status.PodIP))
		Expect(claim(ctx, key.Namespace, name).UID).To(Equal(uid))
		Expect(set.expectRing(ctx, 3)).To(Equal(ids))
		set.gap("a pod deleted", from)
		set.expectNoneFailed(asked)
		set.expectNothingLost(ctx, 3)
	})

	It("scales from three to four and back, each member taking its data or giving it away first", func(ctx SpecContext) {
		before, from, asked := podUIDs(ctx, key, 3), time.Now(), len(set.load.Writes())
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](4) })
		AddReportEntry("3 to 4", set.expectSettled(ctx, 4).String())
		set.expectRing(ctx, 4)
		set.expectNothingLost(ctx, 4)
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](3) })
		AddReportEntry("4 to 3", set.expectSettled(ctx, 3).String())
		set.expectRing(ctx, 3)
		Expect(claim(ctx, key.Namespace, "cassandra-3").DeletionTimestamp).To(BeNil(), "claims are kept")
		Expect(podUIDs(ctx, key, 3)).To(Equal(before), "the others were restarted")
		set.gap("3 to 4 to 3", from)
		set.expectNoneFailed(asked)
		set.expectNothingLost(ctx, 3)
	})

	It("restarts its members for a changed setting, one at a time, and no write fails", func(ctx SpecContext) {
		before, from, asked := podUIDs(ctx, key, 3), time.Now(), len(set.load.Writes())
		update(ctx, key, func(d *v1alpha1.Datastore) {
			d.Spec.Config = settings(map[string]any{"read_request_timeout": "6500ms"})
		})
		AddReportEntry("another setting", set.expectSettled(ctx, 3).String())
		expectAllReplaced(ctx, key, before)
		for i := range 3 {
			Expect(set.setting(ctx, i, "read_request_timeout")).To(Equal("6500ms"))
		}
		set.gap("another setting", from)
		set.expectNoneFailed(asked)
		set.expectNothingLost(ctx, 3)
	})

	It("replaces cassandra-0 whose pod and claim are deleted, and never begins a second ring", func(ctx SpecContext) {
		ids, uid, from, asked := set.expectRing(ctx, 3), claim(ctx, key.Namespace, "cassandra-0").UID, time.Now(), len(set.load.Writes())
		Expect(k8s.Delete(ctx, claim(ctx, key.Namespace, "cassandra-0"))).To(Succeed())
		Expect(k8s.Delete(ctx, pod(ctx, key.Namespace, "cassandra-0"))).To(Succeed())
		expectAnotherClaim(ctx, key, "cassandra-0", uid)
		set.expectSettled(ctx, 3)
		AddReportEntry("pod and claim of cassandra-0 lost, all members again", time.Since(from).String())
		now, lost := set.expectRing(ctx, 3), set.address(ctx, 0)
		for address, id := range now {
			Expect(id == ids[address]).To(Equal(address != lost), fmt.Sprintf("%s was %s and is %s", address, ids[address], id))
		}
		Expect(datastore(ctx, key).Status.ClusterID).To(Equal(clusterID))
		set.gap("pod and claim of cassandra-0 deleted", from)
		set.expectNoneFailed(asked)
		set.expectNothingLost(ctx, 3)
	})

	It("survives all pods deleted at once", func(ctx SpecContext) {
		ids, from := set.expectRing(ctx, 3), time.Now()
		Expect(k8s.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(key.Namespace), client.MatchingLabels{"quorate.dev/datastore": key.Name})).To(Succeed())
		expectNotReady(ctx, key)
		set.expectSettled(ctx, 3)
		AddReportEntry("all pods deleted, all members again", time.Since(from).String())
		Expect(set.expectRing(ctx, 3)).To(Equal(ids))
		set.expectNothingLost(ctx, 3)
		set.gap("all pods deleted", from)
	})

	It("comes back with its data when the resource is deleted and created again over its claims", func(ctx SpecContext) {
		expectGone(ctx, datastore(ctx, key))
		Eventually(ctx, func() (int, error) {
			var pods corev1.PodList
			err := k8s.List(ctx, &pods, client.InNamespace(key.Namespace), client.MatchingLabels{"quorate.dev/datastore": key.Name})
			return len(pods.Items), err
		}).WithTimeout(ringTime).Should(BeZero())
		expectApplied(ctx, makeCassandra(key).Obj())
		set.expectSettled(ctx, 3)
		Expect(datastore(ctx, key).Status.ClusterID).To(Equal(clusterID))
		set.expectNothingLost(ctx, 3)
	})
})
