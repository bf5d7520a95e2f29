// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"

	. "github.com/quorate/quorate/test/stage"
)

// withConsul has the servers of a set be Consul's, which read a ConfigMap.
func withConsul(set *appsv1.StatefulSet) {
	pod := &set.Spec.Template.Spec
	pod.Volumes = []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: "consulconfig"},
	}}}}
	c := &pod.Containers[0]
	c.Image, c.Command = "hashicorp/consul:1.22.3", []string{"consul", "agent", "-config-dir=/etc/consul"}
	c.VolumeMounts = []corev1.VolumeMount{{Name: "mongo-data", MountPath: "/consul/data"}, {Name: "config", MountPath: "/etc/consul"}}
}

var _ = Describe("A Consul cluster that was made by hand", func() {
	It("is judged by the ConfigMap that its pods mount, once its owner has agreed", func(ctx context.Context) {
		s := NewScene(ctx)
		config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "consulconfig"}, Data: map[string]string{
			"consul.json": `{"server":true,"datacenter":"kubernetes","data_dir":"/consul/data","bootstrap_expect":3,"encrypt":"k"}`,
		}}
		ExpectApplied(ctx, config)
		handmade(ctx, s, withConsul)
		before := uidsOf(ctx, s)
		d := adopting(s)
		d.Spec.Engine, d.Spec.Version = v1alpha1.EngineConsul, "1.22.3"
		d.Spec.Consul = &v1alpha1.ConsulSpec{Datacenter: "kubernetes"}
		d.Spec.Adopt.SetName = ""
		ExpectApplied(ctx, d)
		s.Operate(ctx)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonAdoptionRefused,
			"its owner has not agreed", "the volume config", "mounted at /etc/consul was not read here", "once the owner has agreed"))
		agreeToAdoption(ctx, s)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonAdoptionRefused, "(1) its servers have the setting encrypt"))
		Expect(s.Get(ctx, config.Name, config)).To(Succeed())
		config.Data["consul.json"] = `{"server":true,"datacenter":"kubernetes","data_dir":"/consul/data","bootstrap_expect":3}`
		Expect(API.Update(ctx, config)).To(Succeed())
		var set appsv1.StatefulSet
		Expect(s.Get(ctx, "db", &set)).To(Succeed())
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonAdoptionPlanned,
			"approve=adopt:db:"+string(set.UID), "no authentication and is given none"))
		Expect(uidsOf(ctx, s)).To(Equal(before))
	})
})
