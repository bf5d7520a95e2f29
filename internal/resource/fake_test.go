// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"encoding/json"
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/test/wrappers"
)

const (
	testUID     = "0d0b4bd6-6e0c-4f2d-9a35-6f0ff4f4a001"
	testCluster = "7f0f9f0e-53a5-4b7c-8b0e-1c2d3e4f5a6b"
)

// fakeEngine is an engine of which only the rendering half is asked.
type fakeEngine struct {
	engine.Engine
	stable     bool
	files      map[string]string
	reloadable map[string]string
}

func (f fakeEngine) Traits() engine.Traits {
	return engine.Traits{StableAddress: f.stable, User: 100, Group: 1000, Quorum: engine.Majority}
}

func (f fakeEngine) Validate(_, _ *v1alpha1.Datastore) field.ErrorList { return nil }

func (f fakeEngine) Template(d *v1alpha1.Datastore) engine.ServerTemplate {
	files := f.files
	if files == nil {
		files = map[string]string{"server.json": "{}"}
		if d.Spec.Config != nil {
			files["server.json"] = string(d.Spec.Config.Raw)
		}
	}
	return engine.ServerTemplate{
		Command: []string{"/bin/fake"},
		Args:    []string{"serve"},
		Env:     []corev1.EnvVar{{Name: "FAKE_MODE", Value: "server"}},
		Ports: []engine.Port{
			{Name: "peer", Number: 8300, Protocol: corev1.ProtocolTCP, Peer: true},
			{Name: "gossip", Number: 8301, Protocol: corev1.ProtocolTCP, Peer: true},
			{Name: "gossip-udp", Number: 8301, Protocol: corev1.ProtocolUDP, Peer: true},
			{Name: "http", Number: 8500, Protocol: corev1.ProtocolTCP, Client: true},
		},
		DataDir:      "/fake/data",
		ConfigDir:    "/fake/config",
		Files:        files,
		Reloadable:   f.reloadable,
		GraceSeconds: 60,
		Scratch:      []string{"/tmp"},
	}
}

// webEngine also has what only some engines have.
type webEngine struct{ fakeEngine }

func (webEngine) UIPort() string { return "http" }

func (webEngine) UIIngress(d *v1alpha1.Datastore) *v1alpha1.Ingress {
	return d.ConsulSettings().UI.Ingress
}

func (webEngine) Connection(_ *v1alpha1.Datastore, host string, credentials map[string][]byte) engine.Connection {
	return engine.Connection{
		Type: "fake", Host: host, Port: "8500", URI: "http://" + host + ":8500",
		Extra: map[string]string{"token": string(credentials["token"])},
	}
}

// input returns one of three members with an engine that has everything.
func input(d *v1alpha1.Datastore) Input {
	return Input{
		Datastore:         d,
		Engine:            webEngine{fakeEngine{stable: true}},
		ClusterID:         testCluster,
		Replicas:          3,
		ServerImage:       "example/fake:1",
		AgentImage:        "quorate/quorate:dev",
		ClusterDomain:     "cluster.local",
		OperatorNamespace: "quorate-system",
		Addresses:         map[string]string{"db-0": "10.96.0.10", "db-1": "10.96.0.11", "db-2": ""},
	}
}

func datastore() *wrappers.DatastoreWrapper {
	return wrappers.MakeDatastore("db").Namespace("shop").UID(testUID)
}

// stored returns an object as a client reads it: through JSON, and without
// kind.
func stored[T client.Object](t testing.TB, o T) T {
	t.Helper()
	sealed, err := Seal(o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(sealed.Object)
	if err != nil {
		t.Fatal(err)
	}
	out := emptied(o)
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// emptied returns a new object of the same type.
func emptied[T client.Object](o T) T {
	return reflect.New(reflect.TypeOf(o).Elem()).Interface().(T)
}
