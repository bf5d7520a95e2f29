//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/wrappers"
)

var _ = Describe("Bad input, then put right", func() {
	var key types.NamespacedName

	BeforeEach(func(ctx SpecContext) {
		key = types.NamespacedName{Namespace: newNamespace(ctx, "bad"), Name: "consul"}
	})

	make3 := func() *v1alpha1.Datastore {
		return wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Replicas(3).Obj()
	}

	It("says that an image cannot be pulled, and recovers by itself", func(ctx SpecContext) {
		d := make3()
		d.Spec.Image = "hashicorp/consul:no-such-tag"
		expectApplied(ctx, d)
		Expect(expectCondition(ctx, key, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonPodStuck)).
			To(And(ContainSubstring("no-such-tag"), ContainSubstring("spec.image")))
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Image = "" })
		expectSettled(ctx, key, 3)
	})

	It("says which setting the engine owns, and recovers by itself", func(ctx SpecContext) {
		d := make3()
		d.Spec.Config = settings(map[string]any{"bootstrap_expect": 1})
		expectApplied(ctx, d)
		Expect(expectCondition(ctx, key, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidConfig)).
			To(ContainSubstring("spec.config.bootstrap_expect"))
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Config = settings(map[string]any{"log_level": "WARN"}) })
		expectSettled(ctx, key, 3)
	})

	It("shows what Consul itself says of a setting, and recovers by itself", func(ctx SpecContext) {
		d := make3()
		d.Spec.Config = settings(map[string]any{"dns_config": map[string]any{"node_ttl": "not a duration"}})
		expectApplied(ctx, d)
		Eventually(ctx, func(g Gomega) {
			for _, c := range datastore(ctx, key).Status.Conditions {
				if c.Type == v1alpha1.ConditionStalled {
					g.Expect(c.Message).To(ContainSubstring("node_ttl"))
					return
				}
			}
			g.Expect("no condition").To(BeEmpty())
		}).Should(Succeed())
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Config = nil })
		expectSettled(ctx, key, 3)
	})

	It("neither adopts nor changes a foreign Service of a name it needs", func(ctx SpecContext) {
		foreign := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: "consul-client"},
			Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}, Selector: map[string]string{"app": "somebody-elses"}},
		}
		expectApplied(ctx, foreign)
		expectApplied(ctx, make3())
		Expect(expectCondition(ctx, key, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConflict)).
			To(ContainSubstring("Service consul-client"))
		var now corev1.Service
		Expect(k8s.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: "consul-client"}, &now)).To(Succeed())
		Expect(now.ResourceVersion).To(Equal(foreign.ResourceVersion), "it was touched")
		Expect(k8s.Delete(ctx, foreign)).To(Succeed())
		expectSettled(ctx, key, 3)
	})

	It("says what the API server refuses, and recovers by itself", func(ctx SpecContext) {
		d := make3()
		d.Spec.Pod.Tolerations = []corev1.Toleration{{Key: "not/a/key", Operator: corev1.TolerationOpExists}}
		expectApplied(ctx, d)
		Expect(expectCondition(ctx, key, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonTemplateRejected)).
			To(ContainSubstring("tolerations"))
		update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Pod.Tolerations = nil })
		expectSettled(ctx, key, 3)
	})
})

var _ = Describe("A namespace with a quota and limits", func() {
	It("is good enough, with restricted pods", func(ctx SpecContext) {
		key := types.NamespacedName{Namespace: newNamespace(ctx, "quota"), Name: "consul"}
		amount := resource.MustParse
		expectApplied(ctx, &corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: "quota"},
			Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{
				corev1.ResourceRequestsCPU: amount("2"), corev1.ResourceRequestsMemory: amount("2Gi"),
				corev1.ResourceLimitsCPU: amount("6"), corev1.ResourceLimitsMemory: amount("4Gi"), corev1.ResourcePods: amount("3"),
			}},
		})
		expectApplied(ctx, &corev1.LimitRange{
			ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: "limits"},
			Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
				Type:           corev1.LimitTypeContainer,
				Default:        corev1.ResourceList{corev1.ResourceCPU: amount("1"), corev1.ResourceMemory: amount("512Mi")},
				DefaultRequest: corev1.ResourceList{corev1.ResourceCPU: amount("100m"), corev1.ResourceMemory: amount("128Mi")},
			}}},
		})
		expectApplied(ctx, wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Replicas(3).Obj())
		expectSettled(ctx, key, 3)
	})
})

// settings encodes settings of the server.
func settings(s map[string]any) *apiextensionsv1.JSON {
	GinkgoHelper()
	raw, err := json.Marshal(s)
	Expect(err).NotTo(HaveOccurred())
	return &apiextensionsv1.JSON{Raw: raw}
}
