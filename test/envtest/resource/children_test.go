// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/wrappers"
)

// everything uses all that a user can ask of the pods.
func everything(p *v1alpha1.PodSpec) {
	*p = v1alpha1.PodSpec{
		Labels: map[string]string{"team": "a"}, Annotations: map[string]string{"example.com/note": "n"},
		NodeSelector: map[string]string{"disk": "fast"},
		Tolerations:  []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpExists}},
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{
			{MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.ScheduleAnyway},
		},
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "pull"}},
		Env:              []v1alpha1.EnvVar{{Name: "EXTRA", Value: "1"}, {Name: "EMPTY"}},
		Volumes: []v1alpha1.Volume{
			{Name: "extra", ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "extra"}}},
			{Name: "spool", EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: ptr.To(apiresource.MustParse("1024Mi"))}},
			{Name: "facts", DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{
				{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}},
				{Path: "cpu", ResourceFieldRef: &corev1.ResourceFieldSelector{ContainerName: resource.ServerContainer, Resource: "limits.cpu"}},
			}}},
		},
		VolumeMounts: []v1alpha1.VolumeMount{
			{Name: "extra", MountPath: "/etc/extra", ReadOnly: true}, {Name: "spool", MountPath: "/spool"}, {Name: "facts", MountPath: "/etc/facts"},
		},
	}
}

func full(name, namespace string) *wrappers.DatastoreWrapper {
	return wrappers.MakeDatastore(name).Namespace(namespace).
		Request("cpu", "0.5").Request("memory", "1024Mi").Limit("cpu", "1000m").Limit("memory", "2Gi").
		StorageClass("fast").Config(`{"log_level":"WARN"}`).Pod(everything).
		UIIngress(v1alpha1.Ingress{Host: "db.example.com", TLSSecretName: "cert"})
}

var _ = Describe("The children of a Datastore", func() {
	var namespace string

	BeforeEach(func(ctx context.Context) { namespace = strictNamespace(ctx) })

	DescribeTable("are taken once and not sent again", func(ctx context.Context, make func(string) *wrappers.DatastoreWrapper) {
		in := inputOf(created(ctx, make(namespace)))
		first := applyAll(ctx, in, true)
		GinkgoWriter.Println("objects applied:", len(first))
		for _, name := range resource.LayoutOf(in.Datastore, in.Engine).StatefulSets() {
			Expect(first).To(HaveKey("StatefulSet " + name))
		}
		Expect(applyAll(ctx, in, true)).To(BeEmpty(), "with a template that may be written")
		Expect(applyAll(ctx, in, false)).To(BeEmpty(), "with a template that may not")

		By("an operator with another agent image")
		in.AgentImage = "quorate/quorate:next"
		Expect(applyAll(ctx, in, false)).To(BeEmpty())
	},
		Entry("with nothing said", func(ns string) *wrappers.DatastoreWrapper { return wrappers.MakeDatastore("db").Namespace(ns) }),
		Entry("with everything said", func(ns string) *wrappers.DatastoreWrapper { return full("db", ns) }),
		Entry("with racks", func(ns string) *wrappers.DatastoreWrapper {
			return wrappers.MakeDatastore("db").Namespace(ns).Replicas(5).Cassandra(v1alpha1.CassandraSpec{Racks: []v1alpha1.CassandraRack{
				{Name: "z", Zone: "eu-1z"}, {Name: "a", Zone: "eu-1a"}, {Name: "m", Zone: "eu-1m"},
			}})
		}),
	)

	It("are not sent again after they were created as they are", func(ctx context.Context) {
		in := inputOf(created(ctx, full("db", namespace)))
		b := resource.New(in)
		for _, child := range append(b.Children(resource.Observed{}, true), b.Connection(map[string][]byte{"management-token": []byte("t")})) {
			Expect(api.Create(ctx, child, client.FieldOwner(resource.FieldOwner))).To(Succeed())
		}
		Expect(applyAll(ctx, in, false)).To(BeEmpty())
	})

	It("make pods that a strict namespace admits", func(ctx context.Context) {
		in := inputOf(created(ctx, full("db", namespace)))
		applyAll(ctx, in, true)
		template := observed(ctx, in.Datastore).StatefulSet.Spec.Template
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "db-0", Namespace: namespace, Labels: template.Labels, Annotations: template.Annotations},
			Spec:       template.Spec,
		}
		// The StatefulSet controller adds the claim's volume.
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data-db-0"},
		}})
		Expect(api.Create(ctx, pod, client.DryRunAll)).To(Succeed())

		pod.Spec.Containers[0].SecurityContext = nil
		Expect(api.Create(ctx, pod, client.DryRunAll)).To(MatchError(ContainSubstring("violates PodSecurity")), "the namespace is strict")
	})

	It("lose what is no longer asked for", func(ctx context.Context) {
		d := created(ctx, full("db", namespace))
		in := inputOf(d)
		applyAll(ctx, in, true)
		d.Spec.Pod = v1alpha1.PodSpec{}
		d.Spec.Resources = v1alpha1.Resources{}
		Expect(applyAll(ctx, in, false)).To(BeEmpty(), "the template waits")
		Expect(applyAll(ctx, in, true)).To(HaveKey("StatefulSet db"))
		template := observed(ctx, d).StatefulSet.Spec.Template
		Expect(template.Labels).NotTo(HaveKey("team"))
		Expect(template.Spec.Containers[0].Env).To(BeEmpty())
		Expect(template.Spec.Containers[0].Resources).To(Equal(corev1.ResourceRequirements{}))
		Expect(template.Spec.NodeSelector).To(BeEmpty())
		Expect(template.Spec.Volumes).NotTo(ContainElement(HaveField("Name", "extra")))
		Expect(applyAll(ctx, in, true)).To(BeEmpty())
	})

	It("are put back when somebody else changes them", func(ctx context.Context) {
		in := inputOf(created(ctx, wrappers.MakeDatastore("db").Namespace(namespace)))
		applyAll(ctx, in, true)
		set := observed(ctx, in.Datastore).StatefulSet
		set.Spec.Template.Spec.Containers[0].Image = "example/other"
		set.Spec.Replicas = ptr.To[int32](7)
		Expect(api.Update(ctx, set)).To(Succeed())
		policy := resource.New(in).NetworkPolicy()
		stored := read(ctx, policy)
		stored.Spec.Ingress = stored.Spec.Ingress[:1]
		Expect(api.Update(ctx, stored)).To(Succeed())

		Expect(applyAll(ctx, in, false)).To(And(HaveLen(2), HaveKey("StatefulSet db"), HaveKey("NetworkPolicy db")))
		set = observed(ctx, in.Datastore).StatefulSet
		Expect(set.Spec.Template.Spec.Containers[0].Image).To(Equal(in.ServerImage))
		Expect(*set.Spec.Replicas).To(Equal(in.Replicas))
		Expect(applyAll(ctx, in, false)).To(BeEmpty())
	})

	It("leave alone what others add", func(ctx context.Context) {
		in := inputOf(created(ctx, wrappers.MakeDatastore("db").Namespace(namespace)))
		applyAll(ctx, in, true)
		service := read(ctx, resource.New(in).ClientService())
		service.Annotations["example.com/added"] = "yes"
		Expect(api.Update(ctx, service)).To(Succeed())
		Expect(applyAll(ctx, in, true)).To(BeEmpty())
	})

	It("are a StatefulSet that keeps its claims' template when the size grows", func(ctx context.Context) {
		d := created(ctx, wrappers.MakeDatastore("db").Namespace(namespace))
		in := inputOf(d)
		applyAll(ctx, in, true)
		d.Spec.Storage.Size = apiresource.MustParse("5Gi")
		Expect(applyAll(ctx, in, true)).To(BeEmpty())
	})
})
