//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/bench/load"
	"github.com/quorate/quorate/hack/cql"
	"github.com/quorate/quorate/hack/dial"
	"github.com/quorate/quorate/hack/target"
	"github.com/quorate/quorate/test/wrappers"
)

// ringTime is for how long one thing is waited for: servers take most of a minute of a
// core to start, and move data besides.
const ringTime = 10 * time.Minute

// makeCassandra starts a Datastore of three, as the tutorial's ring is called. Its
// servers wait for what others tell of the ring for 8 s, where their own default is 30:
// they do so several times whenever one joins or leaves.
func makeCassandra(key types.NamespacedName) *wrappers.DatastoreWrapper {
	return wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Replicas(3).
		Cassandra(v1alpha1.CassandraSpec{ClusterName: "K8Demo", Datacenter: "DC1-K8Demo"}).
		Request(corev1.ResourceCPU, "250m").Request(corev1.ResourceMemory, "1Gi").Limit(corev1.ResourceMemory, "1Gi").
		Pod(func(p *v1alpha1.PodSpec) {
			p.Env = []v1alpha1.EnvVar{{Name: "JAVA_TOOL_OPTIONS", Value: "-Dcassandra.ring_delay_ms=8000"}}
		})
}

// ring is one as Cassandra's own Go driver sees it, by what the connection Secret says
// and the members' own Services.
type ring struct {
	steady
	key  types.NamespacedName
	door cql.Door
	load *load.Rows
	// members are their names by their numbers, where these are not their ordinals.
	members []string
}

// member is the name of one.
func (r *ring) member(number int) string {
	if number < len(r.members) {
		return r.members[number]
	}
	return fmt.Sprintf("%s-%d", r.key.Name, number)
}

// openRing prepares to talk to a ring that has formed.
func openRing(ctx context.Context, key types.NamespacedName) *ring {
	GinkgoHelper()
	said := secretData(ctx, key.Namespace, key.Name+"-connection")
	Expect(said).To(And(HaveKey("host"), HaveKeyWithValue("datacenter", []byte("DC1-K8Demo"))))
	if cluster.Kind != target.Local {
		startClient(ctx, key.Namespace)
	}
	names, err := dial.New(ctx, cluster, key.Namespace, "client")
	Expect(err).NotTo(HaveOccurred())
	port, err := strconv.Atoi(string(said["port"]))
	Expect(err).NotTo(HaveOccurred())
	return &ring{key: key, door: cql.Door{Names: names, Port: port, User: string(said["username"]), Password: string(said["password"])}}
}

// address is that of a member's own Service, which it tells others.
func (r *ring) address(ctx context.Context, number int) string {
	GinkgoHelper()
	var s corev1.Service
	Expect(k8s.Get(ctx, types.NamespacedName{Namespace: r.key.Namespace, Name: r.member(number)}, &s)).To(Succeed())
	return s.Spec.ClusterIP
}

// underLoad has rows written, 20 a second and each to a majority of its replicas, until
// the specs have run.
func (r *ring) underLoad(ctx context.Context) {
	GinkgoHelper()
	// By name: a Service that is made again has another address.
	var names []string
	for i := range 3 {
		names = append(names, fmt.Sprintf("%s.%s.svc.cluster.local", r.member(i), r.key.Namespace))
	}
	var err error
	r.load, err = load.NewRows(ctx, r.door, names, 0)
	Expect(err).NotTo(HaveOccurred())
	r.begin(ctx, r.load.Run, r.load.Writes, func(context.Context) { r.load.Close() })
}

// expectNothingLost reads every acknowledged row through each member, which asks a
// majority of its replicas.
func (r *ring) expectNothingLost(ctx context.Context, size int) {
	GinkgoHelper()
	r.expectWrites(ctx)
	before := r.load.Writes()
	for i := range size {
		member := r.alone(ctx, i)
		Eventually(ctx, func(g Gomega) {
			stored, err := r.load.StoredBy(ctx, member)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(load.Lost(before, stored)).To(BeEmpty(), "through %s, of %d", r.member(i), load.Count(before).Acknowledged)
		}).WithTimeout(time.Minute).Should(Succeed())
		member.Close()
	}
}

// alone connects to one member.
func (r *ring) alone(ctx context.Context, ordinal int) (s *gocql.Session) {
	GinkgoHelper()
	address := r.address(ctx, ordinal)
	Eventually(ctx, func() (err error) {
		s, err = r.door.Alone(address)
		return err
	}).Should(Succeed())
	return s
}

// expectSettled waits until every member serves, and nothing is left to do.
func (r *ring) expectSettled(ctx context.Context, size int) time.Duration {
	GinkgoHelper()
	return expectSettledWithin(ctx, ringTime, r.key, size)
}

// expectRing waits until all members, and nobody else, are in the ring by the word of
// each, and returns their identities by their addresses.
func (r *ring) expectRing(ctx context.Context, size int) (ids map[string]string) {
	GinkgoHelper()
	for i := range size {
		member := r.alone(ctx, i)
		Eventually(ctx, func(g Gomega) {
			now, err := members(ctx, member)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(now).To(HaveLen(size), "in the eyes of %s", r.member(i))
			if ids == nil {
				ids = now
			}
			g.Expect(maps.Equal(now, ids)).To(BeTrue(), "%s says otherwise: %v, and not %v", r.member(i), now, ids)
		}).Should(Succeed())
		member.Close()
	}
	return ids
}

// members are those that a server has in its tables, itself among them.
func members(ctx context.Context, s *gocql.Session) (map[string]string, error) {
	out := map[string]string{}
	for _, statement := range []string{"SELECT broadcast_address, host_id FROM system.local", "SELECT peer, host_id FROM system.peers_v2"} {
		rows := s.Query(statement).IterContext(ctx).Scanner()
		for rows.Next() {
			var address, id string
			if err := rows.Scan(&address, &id); err != nil {
				return nil, err
			}
			out[address] = id
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// setting is what a running server has.
func (r *ring) setting(ctx context.Context, ordinal int, name string) (value string) {
	GinkgoHelper()
	member := r.alone(ctx, ordinal)
	defer member.Close()
	Expect(member.Query("SELECT value FROM system_views.settings WHERE name = ?", name).ScanContext(ctx, &value)).To(Succeed())
	return value
}
