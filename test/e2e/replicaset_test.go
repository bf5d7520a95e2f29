//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/bench/load"
	"github.com/quorate/quorate/hack/dial"
	"github.com/quorate/quorate/hack/target"
	"github.com/quorate/quorate/test/wrappers"
)

// makeMongoDB starts a Datastore of three whose servers end soon: by their own
// default they go on answering for 15 s after they were told to. The double fills
// an empty member slowly; MongoDB's own server knows nothing of that variable.
func makeMongoDB(key types.NamespacedName) *wrappers.DatastoreWrapper {
	return wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Engine(v1alpha1.EngineMongoDB).Version("8.0").Replicas(3).
		Config(`{"setParameter": {"shutdownTimeoutMillisForSignaledShutdown": 500}}`).
		Pod(func(p *v1alpha1.PodSpec) {
			p.Env = []v1alpha1.EnvVar{{Name: "MONGOSIM_PARAMETERS", Value: fmt.Sprintf("mongosimInitialSyncDocsPerSecond=%d", slowSync)}}
		})
}

// slowSync is how many documents the double copies in a second.
const slowSync = 200

// replicaSet is a set as MongoDB's own Go driver sees it, by nothing but the
// address in the connection Secret.
type replicaSet struct {
	steady
	key     types.NamespacedName
	address string
	names   dial.Dialer
	client  *mongo.Client
	load    *load.Documents
	members map[string]*mongo.Client
}

// openSet connects to a set that has formed.
func openSet(ctx context.Context, key types.NamespacedName) *replicaSet {
	GinkgoHelper()
	r := &replicaSet{key: key, members: map[string]*mongo.Client{}}
	var secret corev1.Secret
	Expect(k8s.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Name + "-connection"}, &secret)).To(Succeed())
	r.address = string(secret.Data["uri"])
	if cluster.Kind != target.Local {
		startClient(ctx, key.Namespace)
	}
	var err error
	r.names, err = dial.New(ctx, cluster, key.Namespace, "client")
	Expect(err).NotTo(HaveOccurred())
	r.client, err = mongo.Connect(options.Client().ApplyURI(r.address).SetDialer(r.names).SetConnectTimeout(3 * time.Second).SetTimeout(10 * time.Second))
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx SpecContext) {
		for _, c := range r.members {
			letGo(ctx, c.Disconnect)
		}
		letGo(ctx, r.client.Disconnect)
	}, NodeTimeout(time.Minute))
	return r
}

// letGo ends a client of servers that may be gone, which it would say goodbye to.
func letGo(ctx context.Context, disconnect func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = disconnect(ctx)
}

// underLoad has documents written, 20 a second, until the specs have run.
func (r *replicaSet) underLoad(ctx context.Context) {
	GinkgoHelper()
	var err error
	r.load, err = load.NewDocuments(r.address, r.names, 0)
	Expect(err).NotTo(HaveOccurred())
	r.begin(ctx, r.load.Run, r.load.Writes, func(ctx context.Context) { letGo(ctx, r.load.Close) })
}

// expectNothingLost reads every acknowledged document, as a majority has it, and
// then from each member alone, as soon as it has caught up.
func (r *replicaSet) expectNothingLost(ctx context.Context, size int) {
	GinkgoHelper()
	r.expectWrites(ctx)
	before := r.load.Writes()
	Expect(load.Count(before).Acknowledged).NotTo(BeZero())
	Eventually(ctx, func(g Gomega) {
		stored, err := r.load.Stored(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(load.Lost(before, stored)).To(BeEmpty())
	}).WithTimeout(30 * time.Second).Should(Succeed())
	for i := range size {
		name := fmt.Sprintf("%s-%d", r.key.Name, i)
		Eventually(ctx, func(g Gomega) {
			has, err := r.documents(ctx, name)
			g.Expect(err).NotTo(HaveOccurred())
			for _, w := range before {
				g.Expect(w.Acked.IsZero() || has[w.Key]).To(BeTrue(), "%s has not %s, which was acknowledged", name, w.Key)
			}
		}).WithTimeout(30 * time.Second).Should(Succeed())
	}
}

// documents are the keys that one member has.
func (r *replicaSet) documents(ctx context.Context, member string) (map[string]bool, error) {
	found, err := r.load.On(r.member(member)).Find(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	var all []struct {
		Key string `bson:"_id"`
	}
	if err := found.All(ctx, &all); err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, one := range all {
		out[one.Key] = true
	}
	return out, nil
}

// member connects to one server alone.
func (r *replicaSet) member(name string) *mongo.Client {
	GinkgoHelper()
	if c := r.members[name]; c != nil {
		return c
	}
	host := net.JoinHostPort(strings.Join([]string{name, r.key.Name, r.key.Namespace, "svc.cluster.local"}, "."), "27017")
	o := options.Client().ApplyURI(r.address).SetHosts([]string{host}).SetDialer(r.names).SetDirect(true).
		SetReadPreference(readpref.SecondaryPreferred()).SetConnectTimeout(3 * time.Second).SetTimeout(10 * time.Second)
	o.ReplicaSet = nil
	c, err := mongo.Connect(o)
	Expect(err).NotTo(HaveOccurred())
	r.members[name] = c
	return c
}

// setConfiguration is what specs look at of the set's document.
type setConfiguration struct {
	Members []struct {
		Number int32   `bson:"_id"`
		Host   string  `bson:"host"`
		Votes  int32   `bson:"votes"`
		Prio   float64 `bson:"priority"`
	} `bson:"members"`
	Settings struct {
		Identity bson.ObjectID `bson:"replicaSetId"`
	} `bson:"settings"`
}

// configuration is the one that the primary has.
func (r *replicaSet) configuration(ctx context.Context) (setConfiguration, error) {
	var out struct {
		Config setConfiguration `bson:"config"`
	}
	err := r.client.Database("admin").RunCommand(ctx, bson.D{{Key: "replSetGetConfig", Value: 1}}).Decode(&out)
	return out.Config, err
}

// expectSet waits for a configuration of exactly so many members, all of which
// vote, and returns the set's identity.
func (r *replicaSet) expectSet(ctx context.Context, size int) (identity string) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega) {
		c, err := r.configuration(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(c.Members).To(HaveLen(size))
		for _, m := range c.Members {
			g.Expect(m.Votes).To(BeEquivalentTo(1), m.Host)
		}
		identity = c.Settings.Identity.Hex()
	}).WithTimeout(30 * time.Second).Should(Succeed())
	return identity
}

// states are those of the members as the primary has them, by their hosts.
func (r *replicaSet) states(ctx context.Context) (map[string]string, error) {
	var out struct {
		Members []struct {
			Name  string `bson:"name"`
			State string `bson:"stateStr"`
		} `bson:"members"`
	}
	err := r.client.Database("admin").RunCommand(ctx, bson.D{{Key: "replSetGetStatus", Value: 1}}).Decode(&out)
	states := map[string]string{}
	for _, m := range out.Members {
		states[m.Name] = m.State
	}
	return states, err
}

// features is the set's feature compatibility version.
func (r *replicaSet) features(ctx context.Context) (string, error) {
	var out struct {
		Features struct {
			Version string `bson:"version"`
		} `bson:"featureCompatibilityVersion"`
	}
	err := r.client.Database("admin").RunCommand(ctx, bson.D{{Key: "getParameter", Value: 1}, {Key: "featureCompatibilityVersion", Value: 1}}).Decode(&out)
	return out.Features.Version, err
}

// isDouble asks the server what it is.
func (r *replicaSet) isDouble(ctx context.Context) bool {
	GinkgoHelper()
	var build struct {
		Modules []string `bson:"modules"`
	}
	Expect(r.client.Database("admin").RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&build)).To(Succeed())
	return slices.Contains(build.Modules, "mongosim")
}

// votesBefore looks at the set until ctx ends, and returns who of those that
// joined had a vote although it had not all data yet, and who was seen without one
// while it got the data.
func (r *replicaSet) votesBefore(ctx context.Context, joining func(host string) bool) (tooEarly, filling map[string]string) {
	tooEarly, filling = map[string]string{}, map[string]string{}
	for ctx.Err() == nil {
		// The configuration first: a state that is read after it is no older.
		c, err := r.configuration(ctx)
		if err != nil {
			continue
		}
		states, err := r.states(ctx)
		if err != nil {
			continue
		}
		for _, m := range c.Members {
			state, seen := states[m.Host]
			switch {
			case !seen || !joining(m.Host) || state == "SECONDARY" || state == "PRIMARY":
			case m.Votes > 0:
				tooEarly[m.Host] = state
			default:
				filling[m.Host] = state
			}
		}
	}
	return tooEarly, filling
}
