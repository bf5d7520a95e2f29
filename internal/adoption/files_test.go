// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package adoption

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine/consul"
)

// consulByHand is a set of Consul's servers that read their settings from a ConfigMap.
func consulByHand() *Found {
	f := tutorial()
	d := f.Datastore
	d.Spec.Engine, d.Spec.Version = v1alpha1.EngineConsul, "1.22.3"
	d.Spec.Consul = &v1alpha1.ConsulSpec{Datacenter: "kubernetes"}
	d.Spec.Adopt.SetName = ""
	f.Engine, f.Image = consul.Engine{}, "hashicorp/consul:1.22.3"
	pod := f.hand()
	pod.Volumes = []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: "consulconfig"},
	}}}}
	c := &pod.Containers[0]
	c.Image, c.Command = f.Image, []string{"consul", "agent", "-config-dir=/etc/consul"}
	c.VolumeMounts = []corev1.VolumeMount{{Name: "mongo-data", MountPath: "/consul/data"}, {Name: "config", MountPath: "/etc/consul"}}
	for _, p := range f.Pods {
		p.Spec = *pod.DeepCopy()
	}
	f.Configs = map[string]map[string]string{"consulconfig": {
		"consul.json": `{"server":true,"datacenter":"kubernetes","data_dir":"/consul/data","bootstrap_expect":3}`,
	}}
	return f
}

// TestFilesOfAConfigMapAreRead gives them to the engine, and no others.
func TestFilesOfAConfigMapAreRead(t *testing.T) {
	if got := consulByHand().Obstacles(); len(got) > 0 {
		t.Fatalf("the set cannot be adopted: %q", got)
	}
	for name, c := range map[string]struct {
		change func(*Found)
		want   string
	}{
		"it has a setting more": {func(f *Found) { f.Configs["consulconfig"]["other.json"] = `{"encrypt":"k"}` }, "setting encrypt"},
		"one file of it alone": {func(f *Found) {
			f.hand().Containers[0].VolumeMounts[1] = corev1.VolumeMount{Name: "config", MountPath: "/etc/consul/consul.json", SubPath: "consul.json"}
			f.Configs["consulconfig"]["other.json"] = `{"encrypt":"k"}`
		}, ""},
		"it is not there": {func(f *Found) { f.Configs = nil }, "the volume config"},
		"keys of other names": {func(f *Found) {
			f.hand().Volumes[0].ConfigMap.Items = []corev1.KeyToPath{{Key: "consul.json", Path: "x.json"}}
		}, "the volume config"},
		"something else than text in it": {func(f *Found) {
			f.Configs = map[string]map[string]string{}
			f.Take(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "consulconfig"}, Data: map[string]string{"consul.json": "{}"}, BinaryData: map[string][]byte{"x.json": {1}}})
		}, "the volume config"},
		"another one within it": {func(f *Found) {
			f.hand().Volumes = append(f.hand().Volumes, corev1.Volume{Name: "more", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
			f.Template.Spec.Volumes = f.hand().Volumes[1:]
			f.server().VolumeMounts = append(f.server().VolumeMounts, corev1.VolumeMount{Name: "more", MountPath: "/etc/consul/more.json", SubPath: "x"})
		}, "mounted at /etc/consul/more.json was not read here"},
		"a folder of it that is not known": {func(f *Found) { f.server().VolumeMounts[1].SubPathExpr = "$(POD)" }, "mounted at /etc/consul was not read here"},
		"a part of it that is no key":      {func(f *Found) { f.server().VolumeMounts[1].SubPath = "x" }, "mounted at /etc/consul was not read here"},
		"another's volume": {func(f *Found) {
			f.hand().Volumes[0].VolumeSource = corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{}}
		}, "the volume config"},
		"it is not mounted": {func(f *Found) {
			f.hand().Containers[0].VolumeMounts = f.hand().Containers[0].VolumeMounts[:1]
		}, "/etc/consul, of which nothing is seen"},
	} {
		t.Run(name, func(t *testing.T) {
			f := consulByHand()
			c.change(f)
			got := strings.Join(f.Obstacles(), "; ")
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("in the way is %q, want %q", got, c.want)
			}
		})
	}
	f := consulByHand()
	if got := f.LetsAllIn(); len(got) != 1 {
		t.Errorf("of a set that lets all in is said %q", got)
	}
	if got := f.ConfigMaps(); len(got) != 1 || got[0] != "consulconfig" {
		t.Errorf("read are %q", got)
	}
	f.StatefulSet.Annotations = nil
	if got := f.ConfigMaps(); got != nil {
		t.Errorf("without the owner's word %q are read", got)
	}
	if got := tutorial().ConfigMaps(); got != nil {
		t.Errorf("for an engine that reads none %q are read", got)
	}
}

// TestWhatIsCutOffIsSaidBefore the user agrees, whatever else there is.
func TestWhatIsCutOffIsSaidBefore(t *testing.T) {
	f := consulByHand()
	for name, change := range map[string]func(){"as it is": func() {}, "by another user": func() { f.hand().SecurityContext = &corev1.PodSecurityContext{} }, "two containers": func() {
		f.hand().Containers = append(f.hand().Containers, corev1.Container{})
	}} {
		change()
		got := strings.Join(f.Cautions(), "; ")
		for _, want := range []string{"client agents", "ports 8300 (RPC, TCP) and 8301 (gossip, TCP and UDP)", "in and out", "federation with other datacenters is cut off"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: said is %q, want %q", name, got, want)
			}
		}
	}
	if got := strings.Join(tutorial().Cautions(), "; "); strings.Contains(got, "cut off") {
		t.Errorf("of another engine is said %q", got)
	}
}

// TestVariablesOfTheEntrypointAreInTheWay also where spec.pod.env has them: ours are not
// started by it, and what they say was never judged.
func TestVariablesOfTheEntrypointAreInTheWay(t *testing.T) {
	for name, c := range map[string]struct {
		command  []string
		variable string
		want     string
	}{
		"settings":            {nil, "CONSUL_LOCAL_CONFIG", "put the settings that it holds into spec.config, and do without it"},
		"by name":             {[]string{"docker-entrypoint.sh"}, "CONSUL_LOCAL_CONFIG", "spec.config"},
		"an interface":        {nil, "CONSUL_BIND_INTERFACE", "ours are told their addresses"},
		"a folder":            {nil, "CONSUL_CONFIG_DIR", "with -config-dir instead"},
		"past the entrypoint": {[]string{"consul"}, "CONSUL_LOCAL_CONFIG", ""},
		"another one":         {nil, "TZ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := consulByHand()
			f.server().Command, f.server().Args = c.command, []string{"agent", "-data-dir=/consul/data", "-config-dir=/etc/consul"}
			f.server().Env = []corev1.EnvVar{{Name: c.variable, Value: `{"leave_on_terminate":true}`}}
			f.Datastore.Spec.Pod.Env = []v1alpha1.EnvVar{{Name: c.variable, Value: `{"leave_on_terminate":true}`}}
			got := strings.Join(f.Obstacles(), "; ")
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) || strings.Contains(got, "spec.pod.env") {
				t.Errorf("in the way is %q, want %q", got, c.want)
			}
		})
	}
}
