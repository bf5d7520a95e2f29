// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/wrappers"
)

var _ = Describe("A Datastore that can be right", func() {
	DescribeTable("is accepted",
		func(ctx context.Context, change func(*wrappers.DatastoreWrapper)) {
			w := sample()
			change(w)
			Expect(try(ctx, w.Obj())).To(Succeed())
		},
		Entry("as small as can be", asItWas),
		Entry("with a pre-release", func(w *wrappers.DatastoreWrapper) { w.Version("1.22.3-rc1") }),
		Entry("with an image by digest", func(w *wrappers.DatastoreWrapper) {
			w.Image("registry.example.com:5000/team/consul:1.22.3@sha256:" + strings.Repeat("0f", 32))
		}),
		Entry("with one replica", func(w *wrappers.DatastoreWrapper) { w.Replicas(1) }),
		Entry("with an even number of replicas", func(w *wrappers.DatastoreWrapper) { w.Replicas(4) }),
		Entry("with nine replicas", func(w *wrappers.DatastoreWrapper) { w.Replicas(9) }),
		Entry("without dynamic volumes", func(w *wrappers.DatastoreWrapper) { w.StorageClass("") }),
		Entry("with an empty config", func(w *wrappers.DatastoreWrapper) { w.Config(`{}`) }),
		Entry("stopped from the start", func(w *wrappers.DatastoreWrapper) { w.Stopped(true) }),
		Entry("with downtime allowed", func(w *wrappers.DatastoreWrapper) { w.Disruption(v1alpha1.DisruptionAllowDowntime) }),
		Entry("with every claim to be deleted", func(w *wrappers.DatastoreWrapper) { w.Retention(deleteAll) }),
		Entry("with consent", func(w *wrappers.DatastoreWrapper) { w.Annotation(v1alpha1.AnnotationApprove, "recover:db-1") }),
		Entry("without the interface", func(w *wrappers.DatastoreWrapper) { w.UI(false) }),
		Entry("with a wildcard host", func(w *wrappers.DatastoreWrapper) { w.UIIngress(v1alpha1.Ingress{Host: "*.example.com"}) }),
		Entry("with a token of the user's own", func(w *wrappers.DatastoreWrapper) {
			w.Pod(func(p *v1alpha1.PodSpec) { p.Env = []v1alpha1.EnvVar{{Name: "CONSUL_HTTP_TOKEN", Value: "x"}} })
		}),
		Entry("with users of MongoDB", func(w *wrappers.DatastoreWrapper) {
			read := []v1alpha1.MongoDBRole{{Role: "read", DB: "shop"}, {Role: "my.own-role"}}
			w.Users(
				v1alpha1.MongoDBUser{Name: "app", Database: "shop", Roles: read},
				v1alpha1.MongoDBUser{Name: "admin-2", Roles: read, PasswordSecretRef: &v1alpha1.SecretKeyReference{Name: "app.password"}})
		}),
		Entry("with a ring of Cassandra", func(w *wrappers.DatastoreWrapper) {
			w.Cassandra(v1alpha1.CassandraSpec{Datacenter: "DC1-K8Demo", ClusterName: "K8 Demo"}).Version("5.0.9").Replicas(50)
		}),
		Entry("with racks", func(w *wrappers.DatastoreWrapper) {
			w.Cassandra(racks("a", "a-1")).Replicas(1).Pod(func(p *v1alpha1.PodSpec) { p.NodeSelector = map[string]string{"disk": "fast"} })
		}),
		Entry("with a mount beside the engine's", func(w *wrappers.DatastoreWrapper) {
			w.Pod(func(p *v1alpha1.PodSpec) {
				p.Volumes = []v1alpha1.Volume{emptyVolume("extra")}
				p.VolumeMounts = []v1alpha1.VolumeMount{
					{Name: "extra", MountPath: "/consul-extra", SubPath: "a/b"},
					{Name: "extra", MountPath: "/etc/..hidden"},
					{Name: "extra", MountPath: "/tmp/extra"},
				}
			})
		}),
	)

	It("may have a name of the greatest length", func(ctx context.Context) {
		Expect(try(ctx, wrappers.MakeDatastore(strings.Repeat("a", v1alpha1.MaxNameLength)).Obj())).To(Succeed())
	})

	DescribeTable("may have a name like", func(ctx context.Context, name string) {
		Expect(try(ctx, wrappers.MakeDatastore(name).Obj())).To(Succeed())
	}, Entry(nil, "a"), Entry(nil, "consul"), Entry(nil, "go-demo-3a"), Entry(nil, "db2"), Entry(nil, "myclient"))

	It("may have a name that the API server completes", func(ctx context.Context) {
		datastore := wrappers.MakeDatastore("").Obj()
		datastore.GenerateName = "db-a"
		Expect(try(ctx, datastore)).To(Succeed())
	})

	It("may leave every optional field empty or null", func(ctx context.Context) {
		for _, empty := range []func(string) any{
			func(string) any { return nil },
			func(field string) any {
				return map[string]any{
					"image": "", "paused": false, "stopped": false, "disruption": "Protect", "resources": map[string]any{}, "config": map[string]any{},
					"pod": map[string]any{
						"labels": map[string]any{}, "annotations": map[string]any{}, "nodeSelector": map[string]any{},
						"tolerations": []any{}, "affinity": map[string]any{}, "topologySpreadConstraints": []any{},
						"priorityClassName": "", "imagePullSecrets": []any{}, "env": []any{}, "volumes": []any{}, "volumeMounts": []any{},
					},
					"consul": map[string]any{"ui": map[string]any{}},
				}[field]
			},
		} {
			object := asUnstructured(sample().Obj())
			for field := range definition().Properties["spec"].Properties {
				if field != "engine" && field != "version" && field != "storage" {
					Expect(unstructured.SetNestedField(object.Object, empty(field), "spec", field)).To(Succeed())
				}
			}
			Expect(try(ctx, object)).To(Succeed())
		}
	})

	It("keeps every field of the pod", func(ctx context.Context) {
		datastore := sample().Pod(fill).Obj()
		wanted := datastore.Spec.Pod.DeepCopy()
		Expect(try(ctx, datastore)).To(Succeed())
		Expect(datastore.Spec.Pod).To(Equal(*wanted))
	})

	It("is affordable when everything is as large as it may be", func(ctx context.Context) {
		datastore := sample().Pod(fill).Pod(func(p *v1alpha1.PodSpec) {
			p.Labels, p.Annotations, p.NodeSelector = many(15), many(32), many(15)
			p.Env, p.Volumes, p.VolumeMounts = nil, nil, nil
			for i := range 64 {
				p.Env = append(p.Env, v1alpha1.EnvVar{Name: fmt.Sprintf("%s%d", strings.Repeat("A", 250), i), Value: strings.Repeat("v", 4096)})
			}
			for i := range 16 {
				name := fmt.Sprintf("%s%d", strings.Repeat("a", 60), i)
				p.Volumes = append(p.Volumes, emptyVolume(name))
				p.VolumeMounts = append(p.VolumeMounts, v1alpha1.VolumeMount{
					Name: name, MountPath: fmt.Sprintf("/m%d%s", i, strings.Repeat("/m", 250)),
				})
			}
		})
		for i := range 6 {
			datastore.Request(corev1.ResourceName(fmt.Sprintf("example.com/r%d", i)), "1")
			datastore.Limit(corev1.ResourceName(fmt.Sprintf("example.com/r%d", i)), "1")
		}
		stored(ctx, datastore)
	})
})

var _ = Describe("Defaults", func() {
	It("are three replicas and nothing for the engine that was not asked for", func(ctx context.Context) {
		datastore := stored(ctx, sample())
		Expect(datastore.Spec.Replicas).To(HaveValue(Equal(v1alpha1.DefaultReplicas)))
		Expect(datastore.Spec.Consul).To(BeNil())

		object := asUnstructured(datastore)
		Expect(api.Get(ctx, client.ObjectKeyFromObject(datastore), object)).To(Succeed())
		Expect(object.Object["spec"]).To(Equal(map[string]any{
			"engine": "Consul", "version": "1.22.3", "replicas": int64(3), "disruption": "Protect",
			"storage": map[string]any{"size": "1Gi", "retention": map[string]any{
				"whenDeleted": "Retain", "whenScaled": "Retain", "whenLost": "Ask",
			}},
		}), "so that what is stored does not change with the operator")
	})

	It("fill the Consul section where there is one", func(ctx context.Context) {
		object := asUnstructured(sample().Obj())
		Expect(unstructured.SetNestedField(object.Object, map[string]any{
			"ui": map[string]any{"ingress": map[string]any{"host": "consul.example.com"}},
		}, "spec", "consul")).To(Succeed())
		Expect(try(ctx, object)).To(Succeed())
		Expect(object.Object["spec"]).To(HaveKeyWithValue("consul", map[string]any{
			"datacenter": "dc1",
			"ui": map[string]any{
				"enabled": true,
				"ingress": map[string]any{"host": "consul.example.com", "path": "/"},
			},
		}))
	})

	DescribeTable("fill the retention",
		func(ctx context.Context, given any, want v1alpha1.Retention) {
			object := asUnstructured(sample().Obj())
			Expect(unstructured.SetNestedField(object.Object, given, "spec", "storage", "retention")).To(Succeed())
			Expect(try(ctx, object)).To(Succeed())
			var defaulted v1alpha1.Datastore
			Expect(api.Scheme().Convert(object, &defaulted, nil)).To(Succeed())
			Expect(defaulted.Spec.Storage.Retention).To(Equal(want))
			Expect(defaulted.StorageRetention()).To(Equal(want))
		},
		Entry("that is null", nil, keepAll),
		Entry("that is empty", map[string]any{}, keepAll),
		Entry("with a null in it", map[string]any{"whenLost": nil}, keepAll),
		Entry("that is given in part", map[string]any{"whenLost": "Delete"},
			v1alpha1.Retention{WhenDeleted: v1alpha1.RetentionRetain, WhenScaled: v1alpha1.RetentionRetain, WhenLost: v1alpha1.LostDelete}),
		Entry("not where it is given", map[string]any{"whenDeleted": "Delete", "whenScaled": "Delete", "whenLost": "Delete"}, deleteAll),
	)

	It("fill a disruption that is null", func(ctx context.Context) {
		object := asUnstructured(sample().Obj())
		Expect(unstructured.SetNestedField(object.Object, nil, "spec", "disruption")).To(Succeed())
		Expect(try(ctx, object)).To(Succeed())
		Expect(object.Object["spec"]).To(HaveKeyWithValue("disruption", "Protect"))
	})

	It("are the ones that the code assumes", func(ctx context.Context) {
		object := asUnstructured(sample().Obj())
		Expect(unstructured.SetNestedField(object.Object, map[string]any{"ui": map[string]any{}}, "spec", "consul")).To(Succeed())
		Expect(try(ctx, object)).To(Succeed())
		var defaulted v1alpha1.Datastore
		Expect(api.Scheme().Convert(object, &defaulted, nil)).To(Succeed())
		Expect(*defaulted.Spec.Consul).To(Equal(sample().Obj().ConsulSettings()))
		Expect(defaulted.DesiredReplicas()).To(Equal(sample().Obj().DesiredReplicas()))
		Expect(defaulted.Spec.Storage.Retention).To(Equal(sample().Obj().StorageRetention()))
		Expect(defaulted.AllowsDowntime()).To(Equal(sample().Obj().AllowsDowntime()))
	})

	It("keep false and every key of config", func(ctx context.Context) {
		datastore := stored(ctx, sample().UI(false).Config(`{"log_level":"DEBUG","limits":{"http_max_conns_per_client":400},"a":[1,null]}`))
		Expect(datastore.Spec.Consul.UI.Enabled).To(HaveValue(BeFalse()))
		Expect(datastore.Spec.Config.Raw).To(MatchJSON(
			`{"log_level":"DEBUG","limits":{"http_max_conns_per_client":400},"a":[1,null]}`))
	})
})

var (
	keepAll   = v1alpha1.Retention{WhenDeleted: v1alpha1.RetentionRetain, WhenScaled: v1alpha1.RetentionRetain, WhenLost: v1alpha1.LostAsk}
	deleteAll = v1alpha1.Retention{WhenDeleted: v1alpha1.RetentionDelete, WhenScaled: v1alpha1.RetentionDelete, WhenLost: v1alpha1.LostDelete}
)

// fill uses every field of the pod.
func fill(p *v1alpha1.PodSpec) {
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}}
	*p = v1alpha1.PodSpec{
		Labels:       map[string]string{"team": "a"},
		Annotations:  map[string]string{"example.com/note": "b c"},
		NodeSelector: map[string]string{"disk": "fast"},
		Tolerations:  []corev1.Toleration{{Key: "k", Operator: corev1.TolerationOpExists, TolerationSeconds: ptr.To[int64](5)}},
		Affinity: &corev1.Affinity{
			NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
					{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}},
				}}},
			}},
			PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{
				{LabelSelector: selector, TopologyKey: corev1.LabelHostname},
			}},
		},
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
			MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: selector,
		}},
		PriorityClassName: "high",
		ImagePullSecrets:  []corev1.LocalObjectReference{{Name: "registry"}},
		Env:               []v1alpha1.EnvVar{{Name: "GOMEMLIMIT", Value: "1GiB"}},
		Volumes: []v1alpha1.Volume{
			{Name: "scratch", EmptyDir: &corev1.EmptyDirVolumeSource{
				Medium: corev1.StorageMediumMemory, SizeLimit: ptr.To(resource.MustParse("1Mi")),
			}},
			{Name: "extra", ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: "extra"},
				Items:                []corev1.KeyToPath{{Key: "a", Path: "b", Mode: ptr.To[int32](0o400)}},
				DefaultMode:          ptr.To[int32](0o444), Optional: ptr.To(true),
			}},
			{Name: "facts", DownwardAPI: &corev1.DownwardAPIVolumeSource{
				Items: []corev1.DownwardAPIVolumeFile{{
					Path: "labels", FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.labels"},
				}},
			}},
		},
		VolumeMounts: []v1alpha1.VolumeMount{{Name: "extra", MountPath: "/etc/extra", SubPath: "b", ReadOnly: true}},
	}
}
