//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.mongodb.org/mongo-driver/v2/bson"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/api/v1alpha1"
)

var _ = Describe("The operator's own passwords of a MongoDB replica set", withMongoDB, func() {
	It("are rotated under load, each on request, and nobody is restarted", func(ctx SpecContext) {
		key := types.NamespacedName{Namespace: newNamespace(ctx, "passwords"), Name: "db"}
		expectApplied(ctx, makeMongoDB(key).Obj())
		expectSettled(ctx, key, 3)
		set := openSet(ctx, key)
		identity := set.expectSet(ctx, 3)
		set.underLoad(ctx)
		pods, restarts := podUIDs(ctx, key, 3), serverRestarts(ctx, key, 3)

		rotate := func(name, secret string) {
			GinkgoHelper()
			before, from := secretData(ctx, key.Namespace, secret), time.Now()
			update(ctx, key, func(d *v1alpha1.Datastore) {
				metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationRotate, name+":e2e")
			})
			Eventually(ctx, func(g Gomega) {
				now := secretData(ctx, key.Namespace, secret)
				g.Expect(now[name]).NotTo(Equal(before[name]))
				g.Expect(now).NotTo(HaveKey(name + "-next"))
			}).WithTimeout(6 * time.Minute).Should(Succeed()) // kubelets take a minute or two to mount the next one
			AddReportEntry(name+" rotated", time.Since(from).String())
			expectSettled(ctx, key, 3)
		}

		rotate("agent-password", "db-member")
		set.expectNoneFailed(0)
		set.expectNothingLost(ctx, 3)
		Expect(set.expectSet(ctx, 3)).To(Equal(identity))

		former := set.address
		rotate("admin-password", "db-manager")
		Eventually(ctx, func() string { return string(secretData(ctx, key.Namespace, "db-connection")["uri"]) }).ShouldNot(Equal(former))
		ping := bson.D{{Key: "ping", Value: 1}}
		set.expectLetIn(ctx, string(secretData(ctx, key.Namespace, "db-connection")["uri"]), "admin", ping)
		set.expectNotLetIn(ctx, former)

		By("users are made by the administrator, who has another password by now")
		update(ctx, key, func(d *v1alpha1.Datastore) {
			d.Spec.MongoDB = &v1alpha1.MongoDBSpec{Users: []v1alpha1.MongoDBUser{{Name: "app", Database: "shop", Roles: []v1alpha1.MongoDBRole{{Role: "read"}}}}}
		})
		set.expectLetIn(ctx, string(set.expectUserSecret(ctx, "app")["uri"]), "shop", bson.D{{Key: "find", Value: "orders"}})

		Expect(podUIDs(ctx, key, 3)).To(Equal(pods))
		Expect(serverRestarts(ctx, key, 3)).To(Equal(restarts))
	})
})
