// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/bench/ground"
	"github.com/quorate/quorate/hack/bench/quorum"
)

func TestCassandraIsSetUp(t *testing.T) {
	s := setup{size: 4, version: "5.0", storage: "64Mi", class: "fast"}
	for _, o := range objectsOf(t, cassandra().tutorial, s) {
		set, ok := o.(*appsv1.StatefulSet)
		if !ok {
			continue
		}
		server, claim := set.Spec.Template.Spec.Containers[0], set.Spec.VolumeClaimTemplates[0]
		got := fmt.Sprintf("%d %s %s %s %s", *set.Spec.Replicas, server.Image, claim.Spec.Resources.Requests.Storage(), *claim.Spec.StorageClassName, server.Name)
		if want := "4 cassandra:5.0 64Mi fast " + cassandra().tutorial.container(); got != want {
			t.Errorf("the StatefulSet is %q, want %q", got, want)
		}
		if got, want := cassandra().tutorial.claim("cassandra-0"), claim.Name+"-cassandra-0"; got != want {
			t.Errorf("the claim of cassandra-0 is %s, want %s", got, want)
		}
		if !slices.ContainsFunc(server.Env, func(e corev1.EnvVar) bool {
			return e.Name == "CASSANDRA_SEEDS" && strings.HasPrefix(e.Value, set.Name+"-0.")
		}) {
			t.Errorf("the first member is no seed: %v", server.Env)
		}
	}
	d, ok := objectsOf(t, cassandra().datastore, s)[0].(*v1alpha1.Datastore)
	if !ok || d.Name != cassandra().set || *d.Spec.Replicas != 4 || d.CassandraSettings().Datacenter != "DC1-K8Demo" {
		t.Errorf("the Datastore is %+v", d)
	}
}

// What takes a minute at best is not given up after three.
func TestARingIsGivenItsTime(t *testing.T) {
	for _, sc := range cassandra().scenarios() {
		if sc.limit < usualLimit {
			t.Errorf("%s: all members have to be back within %s", sc.name, sc.limit)
		}
		if sc.setup.version != "5.0" {
			t.Errorf("%s: its release is %s", sc.name, sc.setup.version)
		}
	}
	for e, want := range map[*engine]time.Duration{cassandra(): ringPatience, consul(): ground.Patience} {
		if got := e.within(ground.Patience); got != want {
			t.Errorf("%s: %s is waited, want %s", e.name, got, want)
		}
	}
}

func TestNobodyLeadsARing(t *testing.T) {
	st := &stage{engine: cassandra(), poller: &quorum.Poller{}}
	if m, err := st.leader(); err == nil {
		t.Errorf("before the first look %s leads", m.Name)
	}
	first := st.engine.firstReplaced(quorum.Sample{IDs: map[string]string{"cassandra-0": "a"}}, quorum.Sample{IDs: map[string]string{"cassandra-0": "a"}})
	if first != "cassandra-0 has no new identity" {
		t.Errorf("its first member is said to be another one: %q", first)
	}
}

func TestThePageSaysThatNothingWasMeasured(t *testing.T) {
	r, err := choose(Options{Engine: "cassandra"})
	if err != nil {
		t.Fatal(err)
	}
	page := r.page()
	for _, want := range []string{"make bench-faults ENGINE=cassandra", "**It has not been run yet**", "`member-frozen`"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page:\n%s", want, page)
		}
	}
}
