//go:build controlplane

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
	rendered "github.com/quorate/quorate/internal/resource"

	. "github.com/quorate/quorate/test/stage"
)

// optional is a field that may be absent, with a value for it.
type optional struct {
	field string
	set   func(*v1alpha1.DatastoreSpec)
	// beside is true where no template of pods follows from it.
	beside bool
}

// optionals are all optional fields but two: the size of storage, which only
// grows, and the class, which never changes.
var optionals = []optional{
	{field: "image", set: func(s *v1alpha1.DatastoreSpec) { s.Image = "example.com/consul:mine" }},
	{field: "version", set: func(s *v1alpha1.DatastoreSpec) { s.Version = "1.21.5" }},
	{field: "replicas", beside: true, set: func(s *v1alpha1.DatastoreSpec) { s.Replicas = ptr.To[int32](4) }},
	{field: "paused", beside: true, set: func(s *v1alpha1.DatastoreSpec) { s.Paused = true }},
	{field: "stopped", beside: true, set: func(s *v1alpha1.DatastoreSpec) { s.Stopped = true }},
	{field: "disruption", beside: true, set: func(s *v1alpha1.DatastoreSpec) { s.Disruption = v1alpha1.DisruptionAllowDowntime }},
	{field: "storage.retention", beside: true, set: func(s *v1alpha1.DatastoreSpec) {
		s.Storage.Retention.WhenDeleted, s.Storage.Retention.WhenScaled = v1alpha1.RetentionDelete, v1alpha1.RetentionDelete
	}},
	{field: "resources.limits", set: func(s *v1alpha1.DatastoreSpec) {
		s.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}
	}},
	{field: "resources.requests", set: func(s *v1alpha1.DatastoreSpec) {
		s.Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")}
	}},
	{field: "config", set: func(s *v1alpha1.DatastoreSpec) {
		s.Config = &apiextensionsv1.JSON{Raw: []byte(`{"performance":{"raft_multiplier":2}}`)}
	}},
	{field: "config that is reloaded", beside: true, set: func(s *v1alpha1.DatastoreSpec) {
		s.Config = &apiextensionsv1.JSON{Raw: []byte(`{"log_level":"DEBUG","limits":{"http_max_conns_per_client":500}}`)}
	}},
	{field: "pod.labels", set: func(s *v1alpha1.DatastoreSpec) { s.Pod.Labels = map[string]string{"team": "blue"} }},
	{field: "pod.annotations", set: func(s *v1alpha1.DatastoreSpec) { s.Pod.Annotations = map[string]string{"example.com/note": "x"} }},
	{field: "pod.nodeSelector", set: func(s *v1alpha1.DatastoreSpec) { s.Pod.NodeSelector = map[string]string{corev1.LabelTopologyZone: "a"} }},
	{field: "pod.tolerations", set: func(s *v1alpha1.DatastoreSpec) {
		s.Pod.Tolerations = []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpExists}}
	}},
	{field: "pod.affinity", set: func(s *v1alpha1.DatastoreSpec) {
		s.Pod.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{}}
	}},
	{field: "pod.topologySpreadConstraints", set: func(s *v1alpha1.DatastoreSpec) {
		s.Pod.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
			MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.ScheduleAnyway,
		}}
	}},
	{field: "pod.priorityClassName", set: func(s *v1alpha1.DatastoreSpec) { s.Pod.PriorityClassName = "system-cluster-critical" }},
	{field: "pod.imagePullSecrets", set: func(s *v1alpha1.DatastoreSpec) {
		s.Pod.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry"}}
	}},
	{field: "pod.env", set: func(s *v1alpha1.DatastoreSpec) { s.Pod.Env = []v1alpha1.EnvVar{{Name: "A", Value: "b"}} }},
	{field: "pod.volumes", set: func(s *v1alpha1.DatastoreSpec) {
		s.Pod.Volumes = []v1alpha1.Volume{{Name: "extra", EmptyDir: &corev1.EmptyDirVolumeSource{}}}
		s.Pod.VolumeMounts = []v1alpha1.VolumeMount{{Name: "extra", MountPath: "/extra"}}
	}},
	{field: "consul.ui.enabled", set: func(s *v1alpha1.DatastoreSpec) {
		s.Consul = &v1alpha1.ConsulSpec{UI: v1alpha1.ConsulUI{Enabled: ptr.To(false)}}
	}},
	{field: "consul.ui.ingress", beside: true, set: func(s *v1alpha1.DatastoreSpec) {
		s.Consul = &v1alpha1.ConsulSpec{UI: v1alpha1.ConsulUI{Ingress: &v1alpha1.Ingress{Host: "consul.example.com"}}}
	}},
}

// restore takes back what a field was set to.
func restore(to v1alpha1.DatastoreSpec) func(*v1alpha1.Datastore) {
	return func(d *v1alpha1.Datastore) { d.Spec = *to.DeepCopy() }
}

var _ = Describe("A field that is set and taken back", func() {
	It("leaves a formed set as one that never had it", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectRest(op.Wire)
		plain, template, before := s.Portrait(ctx, "db"), templates(ctx, s, "db"), *d.Spec.DeepCopy()
		for _, o := range optionals {
			By(o.field)
			pods := s.PodUIDs(ctx, "db")
			ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { o.set(&d.Spec) })
			ExpectDatastore(ctx, d, Observed)
			ExpectChanged(ctx, d, restore(before)) // wherever the change is on its way
			ExpectObjectReconciled(ctx, d)
			if o.field == "replicas" {
				// The claim of the fourth member stays, and what it opens with it.
				ExpectMembers(ctx, s, "db", 3)
				ExpectRest(op.Wire)
				plain = s.Portrait(ctx, "db")
			}
			Eventually(func() []string { return s.Portrait(ctx, "db").Difference(plain) }).Should(BeEmpty(), o.field)
			Expect(templates(ctx, s, "db")).To(Equal(template), o.field)
			if o.beside && o.field != "stopped" {
				Expect(s.PodUIDs(ctx, "db")).To(Equal(pods), "no pod is replaced for %s", o.field)
			}
			if o.field == "version" {
				Expect(d.Status.Image).To(Equal("hashicorp/consul:1.22.3"))
			}
		}
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
	})

	It("leaves a set that has not formed as one that never had it, with pods to match", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		Abreast(func(each func(func())) {
			for i, o := range optionals {
				if o.beside {
					continue
				}
				each(func() { expectNoTrace(ctx, s, s.Sample(fmt.Sprintf("d%dx", i)).Obj(), o) })
			}
		})
	})

	It("removes the Ingress that was asked for, and no other", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").UIIngress(v1alpha1.Ingress{Host: "consul.example.com"}).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		Expect(s.Get(ctx, "db-ui", &networkingv1.Ingress{})).To(Succeed())
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Consul = nil })
		Eventually(func() error { return s.Get(ctx, "db-ui", &networkingv1.Ingress{}) }).ShouldNot(Succeed())
		mine := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "db-ui"}, Spec: networkingv1.IngressSpec{
			DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "x", Port: networkingv1.ServiceBackendPort{Number: 80}}},
		}}
		ExpectApplied(ctx, mine)
		ExpectPoked(ctx, d)
		ExpectObjectReconciled(ctx, d)
		Consistently(func() error { return s.Get(ctx, "db-ui", &networkingv1.Ingress{}) }).Should(Succeed())
	})
})

// expectNoTrace sets a field of a Datastore that has not formed, and takes it
// back.
func expectNoTrace(ctx context.Context, s *Scene, d *v1alpha1.Datastore, o optional) {
	GinkgoHelper()
	World.Silence(s.Key(d.Name), 0, true) // nobody is let form
	ExpectApplied(ctx, d)
	ExpectMembers(ctx, s, d.Name, 3)
	plain, before, template := s.Portrait(ctx, d.Name), *d.Spec.DeepCopy(), templates(ctx, s, d.Name)
	Expect(template).To(HaveLen(1))
	ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { o.set(&d.Spec) })
	Eventually(func(g Gomega) {
		now := templates(ctx, s, d.Name)
		g.Expect(now).To(HaveLen(1))
		g.Expect(now).NotTo(Equal(template))
		g.Expect(s.Pods(ctx, d.Name)).To(HaveLen(3))
	}).Should(Succeed(), "the pods have %s", o.field)
	ExpectChanged(ctx, d, restore(before))
	Eventually(func(g Gomega) {
		g.Expect(templates(ctx, s, d.Name)).To(Equal(template))
		g.Expect(s.Pods(ctx, d.Name)).To(HaveLen(3))
		g.Expect(s.Portrait(ctx, d.Name).Difference(plain)).To(BeEmpty())
	}).Should(Succeed(), "the pods have no %s any more", o.field)
	World.Silence(s.Key(d.Name), 0, false)
	ExpectObjectReconciled(ctx, d)
	Expect(World.Formations(s.Key(d.Name))).To(Equal(1))
}

// templates are the templates that the pods of a Datastore were made from.
func templates(ctx context.Context, s *Scene, name string) map[string]bool {
	GinkgoHelper()
	out := map[string]bool{}
	for _, p := range s.Pods(ctx, name) {
		out[p.Annotations[rendered.TemplateAnnotation]] = true
	}
	return out
}

var _ = Describe("An operator of another version", func() {
	It("changes no template and replaces no pod, and gives each pod its agent", func(ctx context.Context) {
		const next = "quorate/quorate:next"
		s := NewScene(ctx)
		first := s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectRest(first.Wire)
		Expect(first.Stop()).To(Succeed())
		plain, pods, template := s.Portrait(ctx, "db"), s.PodUIDs(ctx, "db"), templates(ctx, s, "db")
		second := s.Operate(ctx, withAgentImage(next))
		expectAgents(ctx, s, "db", next)
		ExpectObjectReconciled(ctx, d)
		ExpectRest(second.Wire)
		Expect(s.Portrait(ctx, "db").Difference(plain)).To(BeEmpty())
		Expect(s.PodUIDs(ctx, "db")).To(Equal(pods))

		By("a pod that is made anew has the template that the others have")
		Expect(API.Delete(ctx, &s.Pods(ctx, "db")[1])).To(Succeed())
		expectAgents(ctx, s, "db", next)
		ExpectObjectReconciled(ctx, d)
		Expect(templates(ctx, s, "db")).To(Equal(template))
	})
})

// expectAgents waits until all three members' agents are to have an image.
func expectAgents(ctx context.Context, s *Scene, name, image string) {
	GinkgoHelper()
	Eventually(func() []string {
		var images []string
		for _, p := range s.Pods(ctx, name) {
			for _, c := range p.Spec.InitContainers {
				if c.Name == rendered.AgentContainer {
					images = append(images, c.Image)
				}
			}
		}
		return images
	}).Should(HaveExactElements(image, image, image))
}
