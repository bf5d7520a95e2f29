// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/wrappers"
)

func spool(size string) func(*v1alpha1.PodSpec) {
	return func(p *v1alpha1.PodSpec) {
		p.Volumes = []v1alpha1.Volume{{Name: "spool", EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: ptr.To(apiresource.MustParse(size))}}}
	}
}

// TestTemplateHash says what makes another template and what does not.
func TestTemplateHash(t *testing.T) {
	spec := func(d *wrappers.DatastoreWrapper) Input { return input(d.Obj()) }
	with := func(change func(*Input)) Input {
		in := input(datastore().Obj())
		change(&in)
		return in
	}
	plain := spec(datastore())
	for _, c := range []struct {
		name string
		a, b Input
		same bool
	}{
		{"agent image", plain, with(func(in *Input) { in.AgentImage = "quorate/quorate:next" }), true},
		{"replicas", plain, with(func(in *Input) { in.Replicas = 5 }), true},
		{"addresses", plain, with(func(in *Input) { in.Addresses = nil }), true},
		{"operator's namespace and domain", plain, with(func(in *Input) { in.OperatorNamespace, in.ClusterDomain = "x", "y" }), true},
		{"ingress", plain, spec(datastore().UIIngress(v1alpha1.Ingress{Host: "h"})), true},
		{"storage", plain, spec(datastore().StorageSize("9Gi")), true},
		{"paused", plain, spec(datastore().Paused(true)), true},
		{"cpu in millis", spec(datastore().Limit("cpu", "1")), spec(datastore().Limit("cpu", "1000m")), true},
		{"memory in bytes", spec(datastore().Limit("memory", "1Gi")), spec(datastore().Limit("memory", "1073741824")), true},
		{"size in another suffix", spec(datastore().Pod(spool("1Gi"))), spec(datastore().Pod(spool("1024Mi"))), true},
		{"empty labels", plain, spec(datastore().Pod(func(p *v1alpha1.PodSpec) { p.Labels = map[string]string{} })), true},
		{"empty affinity", plain, spec(datastore().Pod(func(p *v1alpha1.PodSpec) { p.Affinity = &corev1.Affinity{} })), true},

		{"server image", plain, with(func(in *Input) { in.ServerImage = "example/fake:2" }), false},
		{"user label", plain, spec(datastore().Pod(func(p *v1alpha1.PodSpec) { p.Labels = map[string]string{"team": "a"} })), false},
		{"user annotation", plain, spec(datastore().Pod(func(p *v1alpha1.PodSpec) { p.Annotations = map[string]string{"a": "b"} })), false},
		{"user variable", plain, spec(datastore().Pod(func(p *v1alpha1.PodSpec) { p.Env = []v1alpha1.EnvVar{{Name: "A"}} })), false},
		{"no anti-affinity", plain, spec(datastore().Pod(func(p *v1alpha1.PodSpec) { p.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{}} })), false},
		{"cpu", spec(datastore().Limit("cpu", "1")), spec(datastore().Limit("cpu", "1001m")), false},
		{"request for limit", spec(datastore().Limit("cpu", "1")), spec(datastore().Request("cpu", "1")), false},
		{"size", spec(datastore().Pod(spool("1Gi"))), spec(datastore().Pod(spool("1G"))), false},
		{"config", plain, spec(datastore().Config(`{"a":1}`)), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := New(c.a).TemplateHash(), New(c.b).TemplateHash()
			if (a == b) != c.same {
				t.Errorf("hashes are %s and %s, want the same: %t", a, b, c.same)
			}
			template := New(c.a).podTemplate()
			if got := TemplateOf(&template); got != a {
				t.Errorf("the template bears %s, want %s", got, a)
			}
		})
	}
}
