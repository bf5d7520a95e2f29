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
	"github.com/quorate/quorate/test/double/portrait"
)

func (s *scene) portrait(ctx context.Context, name string) portrait.Portrait {
	GinkgoHelper()
	p, err := portrait.Of(ctx, api, s.key(name))
	Expect(err).NotTo(HaveOccurred())
	return p
}

var _ = Describe("A changed specification", func() {
	It("takes a label to pods that serve nobody yet, and takes it back", func(ctx context.Context) {
		s := newScene(ctx)
		s.operate(ctx)
		d := s.sample("db").Obj()
		world.Silence(s.key("db"), 2, true) // one founder is silent, so nobody is let form
		ExpectApplied(ctx, d)
		expectMembers(ctx, s, "db", 3)
		plain := s.portrait(ctx, "db")

		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod.Labels = map[string]string{"team": "blue"} })
		Eventually(func(g Gomega) {
			var pods corev1.PodList
			g.Expect(api.List(ctx, &pods, client.InNamespace(s.namespace), client.MatchingLabels{"team": "blue"})).To(Succeed())
			g.Expect(pods.Items).To(HaveLen(3))
		}).Should(Succeed())

		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod.Labels = nil })
		Eventually(func(g Gomega) {
			var pods corev1.PodList
			g.Expect(api.List(ctx, &pods, client.InNamespace(s.namespace), client.MatchingLabels{"team": "blue"})).To(Succeed())
			g.Expect(pods.Items).To(BeEmpty())
			g.Expect(s.portrait(ctx, "db")).To(Equal(plain))
		}).Should(Succeed())
		world.Silence(s.key("db"), 2, false)
		ExpectObjectReconciled(ctx, d)
	})

	It("waits where it would need a server replaced, and is taken back without a trace", func(ctx context.Context) {
		s := newScene(ctx)
		op := s.operate(ctx)
		d := s.sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		plain, pods := s.portrait(ctx, "db"), podUIDs(ctx, s, "db")

		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod.Labels = map[string]string{"team": "blue"} })
		ExpectDatastore(ctx, d,
			has(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonRolloutPending),
			has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonAllMembersReady),
		)
		Expect(s.portrait(ctx, "db")).To(Equal(plain))
		op.Wire.Forget()
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod.Labels = nil })
		ExpectObjectReconciled(ctx, d)
		Expect(s.portrait(ctx, "db")).To(Equal(plain))
		Expect(podUIDs(ctx, s, "db")).To(Equal(pods))
	})

	It("changes nothing while it is paused, and tells so", func(ctx context.Context) {
		s := newScene(ctx)
		op := s.operate(ctx)
		d := s.sample("db").Paused(true).Obj()
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d,
			has(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonPaused),
			has(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonPaused),
		)
		Expect(d.Status.ClusterID).To(BeEmpty())
		expectRest(op.Wire)

		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Paused = false })
		ExpectObjectReconciled(ctx, d)

		By("pausing a formed set: the status is kept, drift is not mended")
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Paused = true; d.Spec.Replicas = ptr.To[int32](5) })
		ExpectDatastore(ctx, d,
			has(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonPaused),
			func(g Gomega, d *v1alpha1.Datastore) { g.Expect(d.Status.ObservedGeneration).To(Equal(d.Generation)) },
		)
		Expect(api.Delete(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "db-0"}})).To(Succeed())
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
		expectMembers(ctx, s, "db", 5)
	})
})

var _ = Describe("Bad input", func() {
	DescribeTable("in the configuration is told by field and remedy, and recovers without a hand",
		func(ctx context.Context, config string, words ...string) {
			s := newScene(ctx)
			op := s.operate(ctx)
			d := s.sample("db").Config(config).Obj()
			ExpectApplied(ctx, d)
			checks := []func(Gomega, *v1alpha1.Datastore){
				has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidConfig, words...),
				has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalidConfig),
			}
			ExpectDatastore(ctx, d, checks...)
			Expect(d.Status.ClusterID).To(BeEmpty())
			expectRest(op.Wire)
			Expect(s.portrait(ctx, "db")).To(BeEmpty())

			ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Config = nil })
			ExpectObjectReconciled(ctx, d)
		},
		Entry("an unknown setting", `{"log_levle": "INFO"}`, "spec.config.log_levle", "remove it", `did you mean "log_level"?`),
		Entry("one that the operator owns", `{"bootstrap_expect": 3}`, "spec.config.bootstrap_expect"),
	)

	It("in the configuration of a formed set leaves the set as it is", func(ctx context.Context) {
		s := newScene(ctx)
		s.operate(ctx)
		d := s.sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		plain := s.portrait(ctx, "db")
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Config = &apiextensionsv1.JSON{Raw: []byte(`{"server": false}`)} })
		ExpectDatastore(ctx, d,
			has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidConfig, "spec.config.server"),
			has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonAllMembersReady),
			has(v1alpha1.ConditionFormed, metav1.ConditionTrue, v1alpha1.ReasonFormed),
		)
		Expect(s.portrait(ctx, "db")).To(Equal(plain))
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Config = nil })
		ExpectObjectReconciled(ctx, d)
	})

	DescribeTable("that only the API server refuses is told in its words, and recovers without a hand",
		func(ctx context.Context, spoil func(*v1alpha1.PodSpec), words ...string) {
			s := newScene(ctx)
			s.operate(ctx)
			d := s.sample("db").Pod(spoil).Obj()
			ExpectApplied(ctx, d)
			ExpectDatastore(ctx, d, has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonTemplateRejected, words...))
			Expect(api.Get(ctx, s.key("db"), &appsv1.StatefulSet{})).NotTo(Succeed())
			ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod = v1alpha1.PodSpec{} })
			ExpectObjectReconciled(ctx, d)
			Expect(world.Formations(s.key("db"))).To(Equal(1))
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
		s := newScene(ctx)
		op := s.operate(ctx)
		d := s.sample("db").Image(kubelet.BadImage + ":1").Obj()
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d, has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonPodStuck, "ImagePullBackOff", "spec.image"))
		Expect(d.Status.Image).To(Equal(kubelet.BadImage + ":1"))
		stuck := podUIDs(ctx, s, "db")
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Image = "" })
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.Image).To(Equal("hashicorp/consul:1.22.3"))
		for name, uid := range podUIDs(ctx, s, "db") {
			Expect(stuck).NotTo(HaveKeyWithValue(name, uid))
		}
		Expect(world.Formations(s.key("db"))).To(Equal(1))
		expectReplaced(op.Wire.Writes(), 3)
	})

	It("in the node selector is told, and the stuck pods are replaced when it is put right", func(ctx context.Context) {
		s := newScene(ctx)
		s.operate(ctx)
		d := s.sample("db").Pod(func(p *v1alpha1.PodSpec) { p.NodeSelector = map[string]string{kubelet.Nowhere: "x"} }).Obj()
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d, has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonPodStuck, "cannot be scheduled"))
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Pod.NodeSelector = nil })
		ExpectObjectReconciled(ctx, d)
	})
})
