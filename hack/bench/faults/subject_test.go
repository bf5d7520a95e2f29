// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
)

func objectsOf(t *testing.T, sub subject, s setup) []client.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	objects, err := sub.objects(scheme, s)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// other is a setup in which nothing is as in the manifests.
var other = setup{
	size: 5, version: consul().older, storage: "64Mi", class: "sized",
	config: object{"raft_logstore": object{"wal": object{"segment_size_mb": 1}}}, replaceLost: true,
}

func TestTheTutorialIsSetUp(t *testing.T) {
	services := 0
	for _, o := range objectsOf(t, byHand{}, other) {
		switch it := o.(type) {
		case *appsv1.StatefulSet:
			claim := it.Spec.VolumeClaimTemplates[0].Spec
			got := fmt.Sprintf("%d %s %s %s %s %s", *it.Spec.Replicas, it.Spec.Template.Spec.Containers[0].Image, claim.Resources.Requests.Storage(),
				*claim.StorageClassName, it.Spec.PodManagementPolicy, it.Spec.Template.Spec.Containers[0].Name)
			if want := "5 hashicorp/consul:1.21.5 64Mi sized OrderedReady " + (byHand{}).container(); got != want {
				t.Errorf("the StatefulSet is %q, want %q", got, want)
			}
		case *corev1.ConfigMap:
			if text := it.Data[configFile]; !strings.Contains(text, "segment_size_mb") || !strings.Contains(text, "retry_join") {
				t.Errorf("the settings are %s", text)
			}
		case *corev1.Service:
			services++
			if it.Name == uiService && it.Spec.ClusterIP == corev1.ClusterIPNone {
				t.Error("the clients' Service has no address")
			}
		}
	}
	if services != 2 {
		t.Errorf("there are %d Services", services)
	}
}

func TestTheDatastoreIsSetUp(t *testing.T) {
	objects := objectsOf(t, consul().datastore, other)
	d, ok := objects[0].(*v1alpha1.Datastore)
	if !ok {
		t.Fatalf("it is a %T", objects[0])
	}
	got := fmt.Sprintf("%d %s %s %s %s", *d.Spec.Replicas, d.Spec.Version, &d.Spec.Storage.Size, *d.Spec.Storage.ClassName, d.Spec.Storage.Retention.WhenLost)
	if want := "5 1.21.5 64Mi sized Delete"; got != want {
		t.Errorf("the Datastore is %q, want %q", got, want)
	}
	if text := string(d.Spec.Config.Raw); !strings.Contains(text, "segment_size_mb") || !strings.Contains(text, "domain") {
		t.Errorf("the settings are %s", text)
	}
	plain, ok := objectsOf(t, consul().datastore, consul().three())[0].(*v1alpha1.Datastore)
	if !ok || plain.Spec.Storage.ClassName != nil || plain.Spec.Storage.Retention.WhenLost == v1alpha1.LostDelete {
		t.Error("what is not asked for is set all the same")
	}
}

func TestScenariosCanBePlayed(t *testing.T) {
	for _, e := range []*engine{consul(), mongodb(), cassandra()} {
		t.Run(e.key, func(t *testing.T) { canBePlayed(t, e) })
	}
}

func canBePlayed(t *testing.T, e *engine) {
	t.Helper()
	names := map[string]bool{}
	for _, sc := range e.scenarios() {
		if names[sc.name] || sc.name == "" || sc.title == "" || sc.apply == nil || sc.size() == 0 {
			t.Errorf("%q: its name is taken, or it is not complete", sc.name)
		}
		names[sc.name] = true
		for _, sub := range e.subjects() {
			if n := len("faults-" + sub.key() + "-" + sc.name + "-99"); n > 63 {
				t.Errorf("%s: its namespace has %d characters", sc.name, n)
			}
			objectsOf(t, sub, sc.setup)
		}
		// What ends with the same pods must say how it is told that it has begun.
		same := sc.size() == int(sc.setup.size)
		if same && sc.over == nil && sc.missing == nil && sc.name != "node-partitioned" && !strings.HasSuffix(sc.name, "-frozen") && sc.name != "apiserver-stopped" {
			t.Errorf("%s: it is over before it has begun", sc.name)
		}
	}
}
