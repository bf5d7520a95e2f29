// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/double/kubelet"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("A changed specification", func() {
	It("takes a label to pods that serve nobody yet, and takes it back", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		World.Silence(s.Key("db"), 2, true) // one founder is silent, so nobody is let form
		ExpectApplied(ctx, d)
		ExpectMembers(ctx, s, "db", 3)
		plain := s.Portrait(ctx, "db")

		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod.Labels = map[string]string{"team": "blue"} })
		Eventually(func(g Gomega) {
			var pods corev1.PodList
			g.Expect(API.List(ctx, &pods, client.InNamespace(s.Namespace), client.MatchingLabels{"team": "blue"})).To(Succeed())
			g.Expect(pods.Items).To(HaveLen(3))
		}).Should(Succeed())

		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod.Labels = nil })
		Eventually(func(g Gomega) {
			var pods corev1.PodList
			g.Expect(API.List(ctx, &pods, client.InNamespace(s.Namespace), client.MatchingLabels{"team": "blue"})).To(Succeed())
			g.Expect(pods.Items).To(BeEmpty())
			g.Expect(s.Portrait(ctx, "db")).To(Equal(plain))
		}).Should(Succeed())
		World.Silence(s.Key("db"), 2, false)
		ExpectObjectReconciled(ctx, d)
	})

	It("is rolled out where it needs servers replaced, one after the other, and taken back without a trace", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		plain, pods := s.Portrait(ctx, "db"), s.PodUIDs(ctx, "db")

		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod.Labels = map[string]string{"team": "blue"} })
		ExpectObjectReconciled(ctx, d)
		changed := s.PodUIDs(ctx, "db")
		Expect(changed).To(HaveLen(3))
		for name, uid := range changed {
			Expect(uid).NotTo(Equal(pods[name]), name)
			var pod corev1.Pod
			Expect(API.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, &pod)).To(Succeed())
			Expect(pod.Labels).To(HaveKeyWithValue("team", "blue"))
		}
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod.Labels = nil })
		ExpectObjectReconciled(ctx, d)
		Expect(s.Portrait(ctx, "db")).To(Equal(plain))
	})

	It("stops a set without any of its data or addresses, and starts it again", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		plain := s.Portrait(ctx, "db")
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Stopped = true })
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonStopped),
			Has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonStopped),
			Has(v1alpha1.ConditionFormed, metav1.ConditionTrue, v1alpha1.ReasonFormed),
			Observed,
		)
		Expect(s.Pods(ctx, "db")).To(BeEmpty())
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Stopped = false })
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 3)
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
		Eventually(func() []string { return s.Portrait(ctx, "db").Difference(plain) }).Should(BeEmpty())
	})

	It("changes nothing while it is paused, and tells so", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Paused(true).Obj()
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonPaused),
			Has(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonPaused),
		)
		Expect(d.Status.ClusterID).To(BeEmpty())
		ExpectRest(op.Wire)

		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Paused = false })
		ExpectObjectReconciled(ctx, d)

		By("pausing a formed set: the status is kept, drift is not mended")
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Paused = true; d.Spec.Replicas = ptr.To[int32](5) })
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonPaused),
			Observed,
		)
		Expect(API.Delete(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "db-0"}})).To(Succeed())
		op.Wire.Forget()
		Consistently(func() []string {
			var objects []string
			for _, w := range op.Wire.Writes() {
				if w.Resource != "datastores/status" {
					objects = append(objects, w.String())
				}
			}
			return objects
		}).Should(BeEmpty())
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Paused = false })
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 5)
	})
})

var _ = Describe("Bad input", func() {
	DescribeTable("in the configuration is told by field and remedy, and recovers without a hand",
		func(ctx context.Context, config string, words ...string) {
			s := NewScene(ctx)
			op := s.Operate(ctx)
			d := s.Sample("db").Config(config).Obj()
			ExpectApplied(ctx, d)
			checks := []func(Gomega, *v1alpha1.Datastore){
				Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidConfig, words...),
				Has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalidConfig),
			}
			ExpectDatastore(ctx, d, checks...)
			Expect(d.Status.ClusterID).To(BeEmpty())
			ExpectRest(op.Wire)
			Expect(s.Portrait(ctx, "db")).To(BeEmpty())

			ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Config = nil })
			ExpectObjectReconciled(ctx, d)
		},
		Entry("an unknown setting", `{"log_levle": "INFO"}`, "spec.config.log_levle", "remove it", `did you mean "log_level"?`),
		Entry("one that the operator owns", `{"bootstrap_expect": 3}`, "spec.config.bootstrap_expect"),
	)

	It("in the configuration of a formed set leaves the set as it is", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		plain := s.Portrait(ctx, "db")
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Config = &apiextensionsv1.JSON{Raw: []byte(`{"server": false}`)} })
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidConfig, "spec.config.server"),
			Has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonAllMembersReady),
			Has(v1alpha1.ConditionFormed, metav1.ConditionTrue, v1alpha1.ReasonFormed),
		)
		Expect(s.Portrait(ctx, "db")).To(Equal(plain))
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Config = nil })
		ExpectObjectReconciled(ctx, d)
	})

	DescribeTable("that only the API server refuses is told in its words, and recovers without a hand",
		func(ctx context.Context, spoil func(*v1alpha1.PodSpec), words ...string) {
			s := NewScene(ctx)
			s.Operate(ctx)
			d := s.Sample("db").Pod(spoil).Obj()
			ExpectApplied(ctx, d)
			ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonTemplateRejected, words...))
			Expect(API.Get(ctx, s.Key("db"), &appsv1.StatefulSet{})).NotTo(Succeed())
			ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod = v1alpha1.PodSpec{} })
			ExpectObjectReconciled(ctx, d)
			Expect(World.Formations(s.Key("db"))).To(Equal(1))
		},
		Entry("an affinity", func(p *v1alpha1.PodSpec) {
			p.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: "Near"}}}},
			}}}
		}, "affinity", "Near"),
		Entry("a spread", func(p *v1alpha1.PodSpec) {
			p.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: -1, TopologyKey: "zone", WhenUnsatisfiable: "DoNotSchedule"}}
		}, "topologySpreadConstraints", "maxSkew"),
		Entry("a toleration", func(p *v1alpha1.PodSpec) {
			p.Tolerations = []corev1.Toleration{{Key: "k", Operator: "Likes"}}
		}, "tolerations", "Likes"),
	)

	It("in the image is told, and the stuck pods are replaced when it is put right", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Image(kubelet.BadImage + ":1").Obj()
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonPodStuck, "ImagePullBackOff", "spec.image"))
		Expect(d.Status.Image).To(Equal(kubelet.BadImage + ":1"))
		stuck := s.PodUIDs(ctx, "db")
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Image = "" })
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.Image).To(Equal("hashicorp/consul:1.22.3"))
		for name, uid := range s.PodUIDs(ctx, "db") {
			Expect(stuck).NotTo(HaveKeyWithValue(name, uid))
		}
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
		ExpectPodsDeleted(op.Wire, 3)
	})

	It("in the node selector is told, and the stuck pods are replaced when it is put right", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Pod(func(p *v1alpha1.PodSpec) { p.NodeSelector = map[string]string{kubelet.Nowhere: "x"} }).Obj()
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonPodStuck, "cannot be scheduled"))
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod.NodeSelector = nil })
		ExpectObjectReconciled(ctx, d)
	})
})
