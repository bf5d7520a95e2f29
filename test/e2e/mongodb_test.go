//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	local "github.com/quorate/quorate/hack/cluster"
	"github.com/quorate/quorate/hack/target"
)

// What is written is acknowledged by a majority, and is written all the time: the
// writer runs from the first spec to the last.
var _ = Describe("A MongoDB replica set from one resource", Ordered, withMongoDB, func() {
	var key types.NamespacedName
	var set *replicaSet
	var identity, clusterID string

	BeforeAll(func(ctx SpecContext) {
		key = types.NamespacedName{Namespace: newNamespace(ctx, "set"), Name: "db"}
		expectApplied(ctx, makeMongoDB(key).Obj())
		AddReportEntry("time to three voters, usable", expectSettled(ctx, key, 3).String())
		clusterID = datastore(ctx, key).Status.ClusterID
		set = openSet(ctx, key)
		identity = set.expectSet(ctx, 3)
		set.underLoad(ctx)
	})

	It("lets the driver in with the connection Secret only, and has what it writes on every member", func(ctx SpecContext) {
		Expect(clusterID).NotTo(BeEmpty())
		set.expectNothingLost(ctx, 3)
		stranger, err := mongo.Connect(options.Client().ApplyURI(set.address).SetDialer(set.names).
			SetAuth(options.Credential{Username: "admin", Password: "another", PasswordSet: true}).SetTimeout(10 * time.Second))
		Expect(err).NotTo(HaveOccurred())
		defer func() { _ = stranger.Disconnect(ctx) }()
		_, err = set.load.On(stranger).InsertOne(ctx, bson.D{{Key: "stranger", Value: true}})
		Expect(err).To(MatchError(ContainSubstring("uthentication")), "a wrong password must be refused")
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

	It("brings a secondary's deleted pod back: same claim, another address, same identity", func(ctx SpecContext) {
		name := follower(ctx, key)
		before, uid, id := pod(ctx, key.Namespace, name), claim(ctx, key.Namespace, name).UID, memberID(datastore(ctx, key), name)
		from := time.Now()
		expectPodReplaced(ctx, key, name)
		AddReportEntry("all voters again", expectSettled(ctx, key, 3).String())
		Expect(pod(ctx, key.Namespace, name).Status.PodIP).NotTo(Equal(before.Status.PodIP))
		Expect(claim(ctx, key.Namespace, name).UID).To(Equal(uid))
		Expect(memberID(datastore(ctx, key), name)).To(Equal(id))
		set.gap("a secondary's pod deleted", from)
		set.expectNoneFailed(0)
	})

	It("loses no write and fails none when the primary's pod is deleted", func(ctx SpecContext) {
		primary, from := leaderOf(datastore(ctx, key)), time.Now()
		expectPodReplaced(ctx, key, primary)
		expectSettled(ctx, key, 3)
		Expect(leaderOf(datastore(ctx, key))).NotTo(Equal(primary))
		set.gap("the primary's pod deleted", from)
		set.expectNoneFailed(0)
		set.expectNothingLost(ctx, 3)
	})

	It("scales from three to five and back, and gives no vote before a slow initial sync has ended", func(ctx SpecContext) {
		before, from := podUIDs(ctx, key, 3), time.Now()
		watching, stop := context.WithCancel(ctx)
		ended := make(chan [2]map[string]string)
		go func() {
			tooEarly, filling := set.votesBefore(watching, func(host string) bool {
				return strings.HasPrefix(host, "db-3.") || strings.HasPrefix(host, "db-4.")
			})
			ended <- [2]map[string]string{tooEarly, filling}
		}()
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](5) })
		AddReportEntry("3 to 5", expectSettled(ctx, key, 5).String())
		stop()
		seen := <-ended
		Expect(seen[0]).To(BeEmpty(), "a member had a vote before it had the data")
		if set.isDouble(ctx) {
			Expect(seen[1]).To(HaveLen(2), "nobody was seen while it got the data: the sync was not slow")
		}
		set.expectSet(ctx, 5)
		set.expectNothingLost(ctx, 5)
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To[int32](3) })
		AddReportEntry("5 to 3", expectSettled(ctx, key, 3).String())
		set.expectSet(ctx, 3)
		Expect(claim(ctx, key.Namespace, "db-4").DeletionTimestamp).To(BeNil(), "claims are kept")
		Expect(podUIDs(ctx, key, 3)).To(Equal(before), "the others were restarted")
		set.gap("3 to 5 to 3", from)
		set.expectNoneFailed(0)
		set.expectNothingLost(ctx, 3)
	})

	It("replaces db-0 whose pod and claim are deleted, and never forms a second set", func(ctx SpecContext) {
		id, uid, from := memberID(datastore(ctx, key), "db-0"), claim(ctx, key.Namespace, "db-0").UID, time.Now()
		Expect(k8s.Delete(ctx, claim(ctx, key.Namespace, "db-0"))).To(Succeed())
		Expect(k8s.Delete(ctx, pod(ctx, key.Namespace, "db-0"))).To(Succeed())
		expectAnotherClaim(ctx, key, "db-0", uid)
		AddReportEntry("pod and claim of db-0 lost, all voters again", expectSettled(ctx, key, 3).String())
		Expect(memberID(datastore(ctx, key), "db-0")).NotTo(Equal(id))
		Expect(set.expectSet(ctx, 3)).To(Equal(identity))
		Expect(datastore(ctx, key).Status.ClusterID).To(Equal(clusterID))
		set.gap("pod and claim of db-0 deleted", from)
		set.expectNoneFailed(0)
		set.expectNothingLost(ctx, 3)
	})

	It("keeps users of one's own, each with its roles and password, and leaves those of others alone", func(ctx SpecContext) {
		write, read := bson.D{{Key: "insert", Value: "orders"}, {Key: "documents", Value: bson.A{bson.D{{Key: "_id", Value: 1}}}}}, bson.D{{Key: "find", Value: "orders"}}
		Expect(set.client.Database("shop").RunCommand(ctx, bson.D{
			{Key: "createUser", Value: "by-hand"}, {Key: "pwd", Value: "by hand"}, {Key: "roles", Value: bson.A{"read"}},
		}).Err()).To(Succeed())
		given := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: "reports-password", Labels: map[string]string{v1alpha1.LabelConsent: "true"}},
			StringData: map[string]string{"password": "first: 1/2"},
		}
		expectApplied(ctx, given)
		app := v1alpha1.MongoDBUser{Name: "app", Database: "shop", Roles: []v1alpha1.MongoDBRole{{Role: "readWrite"}}}
		reports := v1alpha1.MongoDBUser{Name: "reports", Database: "shop", Roles: []v1alpha1.MongoDBRole{{Role: "read"}},
			PasswordSecretRef: &v1alpha1.SecretKeyReference{Name: given.Name}}
		update(ctx, key, func(d *v1alpha1.Datastore) {
			d.Spec.MongoDB = &v1alpha1.MongoDBSpec{Users: []v1alpha1.MongoDBUser{app, reports}}
		})

		made, first := set.expectUserSecret(ctx, "app"), set.expectUserSecret(ctx, "reports")
		Expect(string(first["password"])).To(Equal("first: 1/2"))
		set.expectLetIn(ctx, string(made["uri"]), "shop", write)
		set.expectLetIn(ctx, string(first["uri"]), "shop", read)
		set.expectRefused(ctx, unauthorized, string(first["uri"]), "shop", write)
		set.expectRefused(ctx, unauthorized, string(made["uri"]), "elsewhere", read)

		By("another password in the user's own Secret")
		given.StringData = map[string]string{"password": "second"}
		Expect(k8s.Update(ctx, given)).To(Succeed())
		from := time.Now()
		Eventually(ctx, func() string { return string(set.expectUserSecret(ctx, "reports")["password"]) }).Should(Equal("second"))
		second := set.expectUserSecret(ctx, "reports")
		set.expectLetIn(ctx, string(second["uri"]), "shop", read)
		AddReportEntry("another password in the Secret, and good", time.Since(from).String())
		set.expectNotLetIn(ctx, string(first["uri"]))

		By("a user taken out")
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.MongoDB.Users = []v1alpha1.MongoDBUser{app} })
		Eventually(ctx, func() map[string][]byte { return secretData(ctx, key.Namespace, "db-user-reports") }).Should(BeEmpty())
		set.expectNotLetIn(ctx, string(second["uri"]))
		set.expectLetIn(ctx, string(made["uri"]), "shop", read)
		set.expectLetIn(ctx, asUser(string(made["uri"]), "by-hand", "by hand"), "shop", read)
		expectSettled(ctx, key, 3)
	})

	It("gets another key file under load by two rollouts, the primary last in each, and no write fails", func(ctx SpecContext) {
		from := time.Now()
		update(ctx, key, func(d *v1alpha1.Datastore) {
			metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationRotate, "key-file:e2e")
		})
		watchRotation(ctx, key, 3).expectLeaderLast(3)
		expectSettled(ctx, key, 3)
		AddReportEntry("another key file, settled", time.Since(from).String())
		Expect(set.expectSet(ctx, 3)).To(Equal(identity))
		Expect(datastore(ctx, key).Status.ClusterID).To(Equal(clusterID))
		set.gap("another key file", from)
		set.expectNoneFailed(0)
		set.expectNothingLost(ctx, 3)
	})

	It("survives all pods deleted at once", func(ctx SpecContext) {
		from := time.Now()
		Expect(k8s.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(key.Namespace), client.MatchingLabels{"quorate.dev/datastore": key.Name})).To(Succeed())
		expectNotReady(ctx, key)
		expectSettled(ctx, key, 3)
		Expect(set.expectSet(ctx, 3)).To(Equal(identity))
		set.expectNothingLost(ctx, 3)
		set.gap("all pods deleted", from)
	})

	It("goes on without a primary that is frozen, and takes it back as it was", func(ctx SpecContext) {
		if cluster.Kind != target.Local {
			Skip("processes can be frozen on the local cluster only")
		}
		machines, err := local.Open(*clusterName, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		before, primary, from := podUIDs(ctx, key, 3), leaderOf(datastore(ctx, key)), time.Now()
		restarts, uid := serverRestarts(ctx, key, 3), claim(ctx, key.Namespace, primary).UID
		signal := func(ctx context.Context, s unix.Signal) {
			p := pod(ctx, key.Namespace, primary)
			for _, c := range p.Status.ContainerStatuses {
				if _, id, ok := strings.Cut(c.ContainerID, "://"); ok && c.Name == "server" {
					Expect(machines.Signal(p.Spec.NodeName, id, s)).To(Succeed())
				}
			}
		}
		signal(ctx, unix.SIGSTOP)
		DeferCleanup(func(ctx SpecContext) { signal(ctx, unix.SIGCONT) }, NodeTimeout(time.Minute))
		set.expectWrites(ctx)
		set.gap("the primary frozen", from)
		Eventually(ctx, func() string { return leaderOf(datastore(ctx, key)) }).ShouldNot(BeElementOf("", primary))
		Expect(claim(ctx, key.Namespace, primary).UID).To(Equal(uid), "the claim of a member that is only silent was given up")
		signal(ctx, unix.SIGCONT)
		expectSettled(ctx, key, 3)
		Expect(podUIDs(ctx, key, 3)).To(Equal(before))
		Expect(serverRestarts(ctx, key, 3)).To(Equal(restarts))
		Expect(set.expectSet(ctx, 3)).To(Equal(identity))
		set.expectNothingLost(ctx, 3)
	})

	It("enlarges the volumes of a running set", func(ctx SpecContext) {
		before := podUIDs(ctx, key, 3)
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Storage.Size = resource.MustParse("2Gi") })
		expectSettled(ctx, key, 3)
		for i := range 3 {
			Eventually(ctx, func() string {
				return claim(ctx, key.Namespace, fmt.Sprintf("db-%d", i)).Status.Capacity.Storage().String()
			}).Should(Equal("2Gi"))
		}
		Expect(podUIDs(ctx, key, 3)).To(Equal(before), "nobody was restarted")
	})

	It("comes back with its data when the resource is deleted and created again over its claims", func(ctx SpecContext) {
		expectGone(ctx, datastore(ctx, key))
		Eventually(ctx, func() (int, error) {
			var pods corev1.PodList
			err := k8s.List(ctx, &pods, client.InNamespace(key.Namespace), client.MatchingLabels{"quorate.dev/datastore": key.Name})
			return len(pods.Items), err
		}).Should(BeZero())
		expectApplied(ctx, makeMongoDB(key).StorageSize("2Gi").Obj())
		expectSettled(ctx, key, 3)
		Expect(set.expectSet(ctx, 3)).To(Equal(identity))
		Expect(datastore(ctx, key).Status.ClusterID).To(Equal(clusterID))
		set.expectNothingLost(ctx, 3)
	})
})

var _ = Describe("The operator killed in the middle of its work on MongoDB", Ordered, withMongoDB, func() {
	var key types.NamespacedName

	expectKilled := func(ctx context.Context, point string) {
		GinkgoHelper()
		Eventually(ctx, func() (int32, error) { return managerRestarts(ctx) }).
			Should(BeNumerically(">=", 1), "the operator was not killed at %s: the point is not reached", point)
	}

	BeforeAll(func(ctx SpecContext) {
		DeferCleanup(func(ctx SpecContext) { setFaultPoint(ctx, "") }, NodeTimeout(3*time.Minute))
		setFaultPoint(ctx, "manager.asked")
		key = types.NamespacedName{Namespace: newNamespace(ctx, "killed"), Name: "db"}
		expectApplied(ctx, makeMongoDB(key).Obj())
	})

	It("at manager.asked, goes on and forms one set", func(ctx SpecContext) {
		expectKilled(ctx, "manager.asked")
		expectSettled(ctx, key, 3)
	})

	for _, c := range []struct {
		point string
		size  int
	}{{"manager.asked", 5}, {"manager.ledger-written", 3}} {
		point, size := c.point, c.size
		It(fmt.Sprintf("at %s, goes on and makes it %d members", point, size), func(ctx SpecContext) {
			set := openSet(ctx, key)
			set.underLoad(ctx)
			identity := set.expectSet(ctx, len(datastore(ctx, key).Status.Members))
			setFaultPoint(ctx, point)
			update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Replicas = ptr.To(int32(size)) })
			expectKilled(ctx, point)
			expectSettled(ctx, key, size)
			Expect(set.expectSet(ctx, size)).To(Equal(identity))
			set.expectNoneFailed(0)
			set.expectNothingLost(ctx, size)
		})
	}
})

// follower is a member that does not lead.
func follower(ctx context.Context, key types.NamespacedName) string {
	GinkgoHelper()
	for i := range 3 {
		if name := fmt.Sprintf("%s-%d", key.Name, i); name != leaderOf(datastore(ctx, key)) {
			return name
		}
	}
	return ""
}

// expectPodReplaced deletes a member's pod and waits for another one with an
// address.
func expectPodReplaced(ctx context.Context, key types.NamespacedName, name string) {
	GinkgoHelper()
	before := pod(ctx, key.Namespace, name)
	Expect(k8s.Delete(ctx, before)).To(Succeed())
	Eventually(ctx, func(g Gomega) {
		var now corev1.Pod
		g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(before), &now)).To(Succeed())
		g.Expect(now.UID).NotTo(Equal(before.UID))
		g.Expect(now.Status.PodIP).NotTo(BeEmpty())
	}).Should(Succeed())
}
