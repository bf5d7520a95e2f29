//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// secretData is what a Secret has, nil where there is none.
func secretData(ctx context.Context, namespace, name string) map[string][]byte {
	GinkgoHelper()
	var s corev1.Secret
	Expect(client.IgnoreNotFound(k8s.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &s))).To(Succeed())
	return s.Data
}

// expectUserSecret waits for the Secret of a user, and returns what is in it.
func (r *replicaSet) expectUserSecret(ctx context.Context, user string) map[string][]byte {
	GinkgoHelper()
	var data map[string][]byte
	Eventually(ctx, func() map[string][]byte {
		data = secretData(ctx, r.key.Namespace, r.key.Name+"-user-"+user)
		return data
	}).Should(HaveKey("uri"))
	return data
}

// asUser is an address with another user in it.
func asUser(uri, name, password string) string {
	GinkgoHelper()
	u, err := url.Parse(uri)
	Expect(err).NotTo(HaveOccurred())
	u.User = url.UserPassword(name, password)
	return u.String()
}

// as runs a command as whom an address logs in.
func (r *replicaSet) as(ctx context.Context, uri, database string, command bson.D) error {
	o := options.Client().ApplyURI(uri).SetDialer(r.names).SetConnectTimeout(3 * time.Second).SetTimeout(10 * time.Second)
	c, err := mongo.Connect(o)
	if err != nil {
		return err
	}
	defer letGo(ctx, c.Disconnect)
	return c.Database(database).RunCommand(ctx, command).Err()
}

// expectLetIn waits until a command is carried out: the Secret is ahead of the server
// for a moment.
func (r *replicaSet) expectLetIn(ctx context.Context, uri, database string, command bson.D) {
	GinkgoHelper()
	Eventually(ctx, func() error { return r.as(ctx, uri, database, command) }).WithTimeout(time.Minute).Should(Succeed())
}

// expectRefused looks for the server's code.
func (r *replicaSet) expectRefused(ctx context.Context, code int, uri, database string, command bson.D) {
	GinkgoHelper()
	err := r.as(ctx, uri, database, command)
	var server mongo.ServerError
	Expect(errors.As(err, &server) && server.HasErrorCode(code)).To(BeTrue(), "want code %d: %v", code, err)
}

// expectNotLetIn waits until an address lets nobody in any more.
func (r *replicaSet) expectNotLetIn(ctx context.Context, uri string) {
	GinkgoHelper()
	Eventually(ctx, func() error { return r.as(ctx, uri, "admin", bson.D{{Key: "ping", Value: 1}}) }).
		WithTimeout(time.Minute).Should(MatchError(ContainSubstring("uthentication")))
}

// unauthorized is the server's code for who is let in, and may not do that.
const unauthorized = 13

// rollouts is what was seen of pods that are replaced, and of the Secret that causes it.
type rollouts struct {
	replaced []string // in the order in which the new ones were seen
	leaders  []string // who led when the Secret was written, each time
}

// watchRotation looks on until the Secret has another key than before, and that one
// alone, and every pod was replaced since. Kubelets look at what is mounted about once a
// minute; they do so at once where something of the pod changes.
func watchRotation(ctx context.Context, key types.NamespacedName, pods int) (seen rollouts) {
	GinkgoHelper()
	uids, keys := podUIDs(ctx, key, pods), ""
	old := string(secretData(ctx, key.Namespace, key.Name+"-member")["keyfile"])
	Expect(old).NotTo(BeEmpty())
	Eventually(ctx, func(g Gomega) {
		data := secretData(ctx, key.Namespace, key.Name+"-member")
		if now := string(data["keyfile"]) + " " + string(data["keyfile-next"]); now != keys && now != old+" " {
			keys, seen.leaders = now, append(seen.leaders, leaderOf(datastore(ctx, key)))
		}
		var list corev1.PodList
		g.Expect(k8s.List(ctx, &list, client.InNamespace(key.Namespace), client.MatchingLabels{"quorate.dev/datastore": key.Name})).To(Succeed())
		for _, p := range list.Items {
			if uids[p.Name] != p.UID {
				uids[p.Name], seen.replaced = p.UID, append(seen.replaced, p.Name)
			}
			touch := fmt.Appendf(nil, `{"metadata":{"annotations":{"example.com/touched":%q}}}`, time.Now())
			g.Expect(client.IgnoreNotFound(k8s.Patch(ctx, &p, client.RawPatch(types.MergePatchType, touch)))).To(Succeed())
		}
		g.Expect(string(data["keyfile"])).NotTo(Equal(old))
		g.Expect(data).NotTo(HaveKey("keyfile-next"))
		g.Expect(len(seen.replaced)).To(BeNumerically(">=", 2*pods))
	}).WithTimeout(4 * time.Minute).WithPolling(time.Second).Should(Succeed())
	return seen
}

// expectLeaderLast compares with two rollouts of everybody.
func (r rollouts) expectLeaderLast(size int) {
	GinkgoHelper()
	Expect(r.leaders).To(HaveLen(2), "the Secret is written twice")
	Expect(r.replaced).To(HaveLen(2*size), "%v", r.replaced)
	for i, leader := range r.leaders {
		round := r.replaced[i*size : (i+1)*size]
		Expect(slices.Compact(slices.Sorted(slices.Values(round)))).To(HaveLen(size), "round %d: %v", i, round)
		Expect(round[size-1]).To(Equal(leader), "round %d: %v", i, round)
	}
}
