// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"context"
	"io"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
)

// reported is a status with every field in use.
func reported() v1alpha1.DatastoreStatus {
	return v1alpha1.DatastoreStatus{
		ObservedGeneration: 1,
		Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonMembersNotReady,
			Message: "consul-2 is not caught up", ObservedGeneration: 1,
			LastTransitionTime: metav1.Now().Rfc3339Copy(),
		}},
		ClusterID:      "3d9ad2c4",
		Image:          "hashicorp/consul:1.22.3",
		Replicas:       3,
		ReadyReplicas:  2,
		Selector:       "quorate.dev/datastore=consul",
		FaultTolerance: ptr.To[int32](0),
		Members: []v1alpha1.MemberStatus{
			{
				Name: "consul-0", ID: "b7", Role: "leader", Voter: ptr.To(true), Healthy: ptr.To(true),
				Version: "1.22.3", Node: "node-1", ClaimUID: "c-0",
			},
			{Name: "consul-1", Voter: ptr.To(false), Healthy: ptr.To(false)},
			{Name: "consul-2"},
		},
		Plan: &v1alpha1.PlanStatus{
			Action: "Promote", Member: "consul-2", Why: "NewMember", BlockedBy: "CaughtUp",
			Message: "Promote consul-2: waits for the third voter",
		},
	}
}

var _ = Describe("The status", func() {
	It("keeps every field, and tells false from unknown", func(ctx context.Context) {
		datastore := stored(ctx, sample())
		datastore.Status = reported()
		Expect(api.Status().Update(ctx, datastore)).To(Succeed())

		var found v1alpha1.Datastore
		Expect(api.Get(ctx, client.ObjectKeyFromObject(datastore), &found)).To(Succeed())
		Expect(found.Status.Conditions[0].LastTransitionTime.Time.Equal(datastore.Status.Conditions[0].LastTransitionTime.Time)).To(BeTrue())
		found.Status.Conditions[0].LastTransitionTime = datastore.Status.Conditions[0].LastTransitionTime
		wanted := reported()
		wanted.Conditions[0].LastTransitionTime = datastore.Status.Conditions[0].LastTransitionTime
		Expect(found.Status).To(Equal(wanted))
	})

	It("cannot be changed with the specification, nor the specification with it", func(ctx context.Context) {
		datastore := stored(ctx, sample())
		generation := datastore.Generation

		datastore.Status = reported()
		Expect(api.Update(ctx, datastore)).To(Succeed())
		Expect(datastore.Status).To(Equal(v1alpha1.DatastoreStatus{}))

		datastore.Spec.Replicas = ptr.To[int32](5)
		datastore.Status = reported()
		Expect(api.Status().Update(ctx, datastore)).To(Succeed())
		Expect(datastore.Spec.Replicas).To(HaveValue(Equal(int32(3))))
		Expect(datastore.Generation).To(Equal(generation))
	})
})

var _ = Describe("The scale", func() {
	It("reads replicas and selector from the status, and writes the specification", func(ctx context.Context) {
		datastore := stored(ctx, sample())
		datastore.Status = reported()
		Expect(api.Status().Update(ctx, datastore)).To(Succeed())

		var scale autoscalingv1.Scale
		Expect(api.SubResource("scale").Get(ctx, datastore, &scale)).To(Succeed())
		Expect(scale.Spec.Replicas).To(Equal(int32(3)))
		Expect(scale.Status).To(Equal(autoscalingv1.ScaleStatus{Replicas: 3, Selector: "quorate.dev/datastore=consul"}))

		scale.Spec.Replicas = 5
		Expect(api.SubResource("scale").Update(ctx, datastore, client.WithSubResourceBody(&scale))).To(Succeed())
		Expect(api.Get(ctx, client.ObjectKeyFromObject(datastore), datastore)).To(Succeed())
		Expect(datastore.Spec.Replicas).To(HaveValue(Equal(int32(5))))
	})

	DescribeTable("refuses what the specification would", func(ctx context.Context, replicas int32, message string) {
		datastore := stored(ctx, sample())
		var scale autoscalingv1.Scale
		Expect(api.SubResource("scale").Get(ctx, datastore, &scale)).To(Succeed())
		scale.Spec.Replicas = replicas
		Expect(api.SubResource("scale").Update(ctx, datastore, client.WithSubResourceBody(&scale))).
			To(MatchError(ContainSubstring(message)))
	},
		Entry("nothing", int32(0), "replicas must be 1 or more"),
		Entry("less than nothing", int32(-1), "-1"),
		Entry("too many", int32(1000), "spec.replicas: Invalid value: replicas must be 9 or less"),
	)
})

func readAll(r io.Reader) string {
	GinkgoHelper()
	text, err := io.ReadAll(r)
	Expect(err).NotTo(HaveOccurred())
	return string(text)
}
