// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quorate/quorate/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fullPod uses every field of spec.pod.
func fullPod(p *v1alpha1.PodSpec) {
	*p = v1alpha1.PodSpec{
		Labels:       map[string]string{"team": "a"},
		Annotations:  map[string]string{"example.com/note": "n"},
		NodeSelector: map[string]string{"disk": "fast"},
		Tolerations:  []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}},
		Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "arch", Operator: corev1.NodeSelectorOpIn, Values: []string{"amd64"}}},
			}}},
		}},
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.ScheduleAnyway}},
		PriorityClassName:         "high",
		ImagePullSecrets:          []corev1.LocalObjectReference{{Name: "pull"}},
		Env:                       []v1alpha1.EnvVar{{Name: "FAKE_MODE", Value: "loud"}, {Name: "EXTRA", Value: "1"}},
		Volumes: []v1alpha1.Volume{
			{Name: "extra", ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "extra"}}},
			{Name: "spool", EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: ptr.To(apiresource.MustParse("1Gi"))}},
			{Name: "facts", DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{
				{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}},
			}}},
		},
		VolumeMounts: []v1alpha1.VolumeMount{
			{Name: "extra", MountPath: "/etc/extra", ReadOnly: true},
			{Name: "spool", MountPath: "/spool", SubPath: "a"},
			{Name: "facts", MountPath: "/etc/facts"},
		},
	}
}

func fullInput() Input {
	in := input(datastore().
		Request("cpu", "500m").Request("memory", "1Gi").Limit("memory", "2Gi").
		StorageClass("fast").StorageSize("10Gi").
		Config(`{"log_level":"WARN"}`).
		Pod(fullPod).
		UIIngress(v1alpha1.Ingress{
			Host: "db.example.com", ClassName: ptr.To("nginx"), TLSSecretName: "db-cert", Annotations: map[string]string{"example.com/timeout": "60"},
		}).Obj())
	in.Replicas = 5
	return in
}

// TestWholeSets compares everything that is rendered for one Datastore with
// what was looked at and found right.
func TestWholeSets(t *testing.T) {
	plain := input(datastore().Obj())
	plain.Engine = fakeEngine{}
	plain.ClusterDomain = ""
	plain.Addresses = nil
	for name, in := range map[string]Input{
		"minimal": input(datastore().Obj()),
		"full":    fullInput(),
		"plain":   plain,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".yaml")
			got := wholeSet(t, in)
			if *update {
				if err := os.WriteFile(path, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("differs from %s (run the test with -update once the change is right):\n%s", path, diff)
			}
		})
	}
}

// wholeSet renders all children as YAML. The StatefulSet's record of itself is
// left out, and tested on its own.
func wholeSet(t *testing.T, in Input) []byte {
	t.Helper()
	b, d := New(in), in.Datastore
	ledger := Ledger(d, in.ClusterID, []byte(`{"clusterID":"c"}`))
	claims := []*corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data-db-0", UID: "claim-0"}}}
	ledger.OwnerReferences = KeepOwners(nil, d, claims)
	objects := []client.Object{
		ledger,
		AuthoritySecret(d, in.ClusterID, map[string][]byte{AuthorityKey: []byte("a"), AuthorityPrivateKey: []byte("b")}),
		ManagerSecret(d, in.ClusterID, map[string][]byte{CertificateKey: []byte("c")}),
		MemberSecret(d, in.ClusterID, map[string][]byte{PrivateKey: []byte("d")}),
		b.Connection(map[string][]byte{"token": []byte("t")}),
	}
	objects = append(objects, b.DisruptionBudget(1, 3))
	objects = append(objects, b.Children(Observed{}, true)...)
	var out bytes.Buffer
	for _, o := range objects {
		sealed, err := Seal(o)
		if err != nil {
			t.Fatal(err)
		}
		notes := sealed.GetAnnotations()
		delete(notes, AppliedAnnotation)
		delete(notes, WrittenAnnotation)
		sealed.SetAnnotations(notes)
		if len(notes) == 0 {
			unstructured.RemoveNestedField(sealed.Object, "metadata", "annotations")
		}
		text, err := yaml.Marshal(sealed.Object)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("---\n")
		out.Write(text)
	}
	return out.Bytes()
}
