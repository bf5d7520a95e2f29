// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/quorate/quorate/api/v1alpha1"
)

func TestMongoDBIsSetUp(t *testing.T) {
	s := setup{size: 5, version: "7.0", storage: "64Mi", env: map[string]string{"SLOW": "1"}}
	for _, o := range objectsOf(t, mongodb().tutorial, s) {
		set, ok := o.(*appsv1.StatefulSet)
		if !ok {
			continue
		}
		server := set.Spec.Template.Spec.Containers[0]
		got := fmt.Sprintf("%d %s %s %s %v", *set.Spec.Replicas, server.Image, set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests.Storage(), server.Name, server.Env)
		if want := "5 mongo:7.0 64Mi " + mongodb().tutorial.container() + " [{SLOW 1 nil}]"; got != want {
			t.Errorf("the StatefulSet is %q, want %q", got, want)
		}
		if got, want := mongodb().tutorial.claim("db-0"), set.Spec.VolumeClaimTemplates[0].Name+"-db-0"; got != want {
			t.Errorf("the claim of db-0 is %s, want %s", got, want)
		}
	}
	d, ok := objectsOf(t, mongodb().datastore, s)[0].(*v1alpha1.Datastore)
	if !ok || d.Name != "db" || *d.Spec.Replicas != 5 || d.Spec.Version != "7.0" || len(d.Spec.Pod.Env) != 1 {
		t.Errorf("the Datastore is %+v", d)
	}
}

// What is asked of MongoDB is what its servers can do: they take 15 s to stop.
func TestGoalsOfMongoDB(t *testing.T) {
	for _, sc := range mongodb().scenarios() {
		if sc.target.back != 0 {
			t.Errorf("%s: back within %s is asked", sc.name, sc.target.back)
		}
	}
	for _, sc := range consul().scenarios() {
		if sc.name == "leader-deleted" && sc.target.back == 0 {
			t.Error("nothing is asked of Consul any more")
		}
	}
}

func TestThePageSaysThatItIsADouble(t *testing.T) {
	r, err := choose(Options{Engine: "mongodb", Scenarios: []string{"rollout"}, Runs: 1})
	if err != nil {
		t.Fatal(err)
	}
	r.outcomes["rollout/datastore"] = []outcome{with(func(*outcome) {})}
	page := r.page()
	for _, want := range []string{"double", "make bench-faults ENGINE=mongodb", fmt.Sprintf("**1 of %d scenarios were played**", len(mongodb().scenarios()))} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page:\n%s", want, page)
		}
	}
}

// heard is a dialer that remembers what it was asked for.
type heard struct{ last string }

func (h *heard) DialContext(_ context.Context, _, address string) (net.Conn, error) {
	h.last = address
	return nil, nil
}

func TestNamesWithinANamespace(t *testing.T) {
	for address, want := range map[string]string{
		"db-0.db:27017":                      "db-0.db.ns.svc.cluster.local:27017",
		"db-0.db.ns.svc.cluster.local:27017": "db-0.db.ns.svc.cluster.local:27017",
		"10.0.0.1:27017":                     "10.0.0.1:27017",
	} {
		var h heard
		if _, err := (within{&h, "ns"}).DialContext(t.Context(), "tcp", address); err != nil || h.last != want {
			t.Errorf("%s: %s, %v; want %s", address, h.last, err, want)
		}
	}
}

func TestField(t *testing.T) {
	d := bson.D{{Key: "_id", Value: int32(3)}, {Key: "host", Value: "db-3.db:27017"}}
	if got := []string{field(d, "_id"), field(d, "host"), field(d, "votes")}; !slices.Equal(got, []string{"3", "db-3.db:27017", ""}) {
		t.Errorf("%q", got)
	}
}
