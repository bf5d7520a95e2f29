// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// sample is what the demo of one engine applies, and does with it.
type sample struct {
	// manifests are kubectl's words for those of namespace and Datastore.
	manifests []string
	// namespace and name of the Datastore in it.
	namespace, name string
	// leader is what the engine calls the member that leads; empty where none does.
	leader string
	// archives is a pattern of images besides those that every demo loads; it may be
	// empty.
	archives string
	// sizes are those that it is scaled to, one after the other.
	sizes []int
	// patience is how long a size, or the return of a member, may take.
	patience time.Duration
	// use tells how the set is used, and uses it.
	use chapter
	// refused is a setting that the engine owns, for what to try next.
	refused string
	// verdict is added to the last line; it may be empty.
	verdict func(*demo) string
}

// path is that of the manifests.
func (s sample) path() string { return s.manifests[len(s.manifests)-1] }

// sampleOf returns the one of an engine.
func sampleOf(d *demo, engine string) (sample, error) {
	samples := map[string]sample{
		"consul": {
			manifests: []string{"-k", "config/samples"}, namespace: "consul-demo", name: "consul", leader: "leader",
			sizes: []int{5, 3}, patience: 5 * time.Minute,
			use:     chapter{"A key written through the client Service and read from another member", d.readAndWrite},
			refused: `{"bootstrap_expect":1}`,
			verdict: func(*demo) string { return "" },
		},
		"mongodb": {
			manifests: []string{"-f", "config/samples/mongodb.yaml"}, namespace: "mongodb-demo", name: "db", leader: "primary",
			sizes: []int{5, 3}, patience: 5 * time.Minute,
			use:     chapter{"A document written with MongoDB's Go driver and the connection Secret, and read from every member", d.document},
			refused: `{"net":{"port":1}}`,
			verdict: serverVerdict,
		},
		"cassandra": {
			manifests: []string{"-f", "config/samples/cassandra.yaml"}, namespace: "cassandra-demo", name: "cassandra",
			archives: "dist/images/cassandra/*.tar", sizes: []int{4, 3}, patience: 20 * time.Minute,
			use:     chapter{"A row written with Cassandra's Go driver and the connection Secret, and read through every member", d.row},
			refused: `{"seed_provider":[]}`,
			verdict: func(*demo) string { return " - with Cassandra's own server, in an image that is made here" },
		},
	}
	s, ok := samples[strings.ToLower(engine)]
	if !ok {
		return sample{}, fmt.Errorf("there is no demo of engine %q; there are those of %s", engine, strings.Join(slices.Sorted(maps.Keys(samples)), ", "))
	}
	return s, nil
}

// client starts the pod that servers are called from.
func (d *demo) client(ctx context.Context) error {
	if err := d.kubectl(ctx, "-n", d.sample.namespace, "apply", "-f", "hack/demo/client.yaml"); err != nil {
		return err
	}
	return d.kubectl(ctx, "-n", d.sample.namespace, "wait", "--for=condition=Ready", "pod/client", "--timeout=50s")
}
