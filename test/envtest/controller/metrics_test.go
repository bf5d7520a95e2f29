// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	operator "github.com/quorate/quorate/internal/controller"
	double "github.com/quorate/quorate/test/double/operator"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("Metrics and events", func() {
	It("tell of a scaling once, and of nothing at rest", func(ctx context.Context) {
		s := NewScene(ctx)
		m := operator.NewMetrics(time.Now)
		op := s.Operate(ctx, func(o *double.Options) { o.Metrics = m })
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)

		Eventually(func() map[string]float64 { return gathered(m, "quorate_datastore_", "quorate_member_") }).Should(And(
			HaveKeyWithValue("quorate_datastore_ready", 1.0),
			HaveKeyWithValue("quorate_datastore_fault_tolerance", 1.0),
			HaveKeyWithValue("quorate_datastore_stalled NotStalled", 0.0),
			HaveKeyWithValue("quorate_member_up db-2", 1.0),
			HaveKeyWithValue("quorate_member_voter db-2", 1.0),
			HaveKeyWithValue("quorate_member_healthy db-2", 1.0),
			Not(HaveKey("quorate_member_up db-3")),
		))

		ExpectScaled(ctx, d, 4)
		ExpectObjectReconciled(ctx, d)
		Eventually(func() map[string]float64 { return gathered(m, "quorate_") }).Should(And(
			HaveKeyWithValue("quorate_member_up db-3", 1.0),
			HaveKeyWithValue("quorate_member_voter db-3", 1.0),
			HaveKeyWithValue("quorate_member_healthy db-3", 1.0),
			HaveKeyWithValue("quorate_actions_total Grant", 4.0),
			HaveKeyWithValue("quorate_action_duration_seconds Grant done", 4.0),
			Not(HaveKey(HavePrefix("quorate_plan_"))),
		))
		leaders := 0.0
		for series, value := range gathered(m, "quorate_member_leader") {
			Expect(series).To(HavePrefix("quorate_member_leader db-"))
			leaders += value
		}
		Expect(leaders).To(Equal(1.0))

		By("having told of each grant when it was given and when the member had its vote")
		Eventually(func() []string { return told(ctx, s.Namespace, "Grant") }).Should(ConsistOf(
			"db-0 Begin", "db-0 End", "db-1 Begin", "db-1 End", "db-2 Begin", "db-2 End", "db-3 Begin", "db-3 End",
		))

		By("resting")
		ExpectRest(op.Wire)
		before := told(ctx, s.Namespace, "")
		Consistently(func() []string { return told(ctx, s.Namespace, "") }).Should(Equal(before))

		By("forgetting a Datastore that is deleted")
		Expect(API.Delete(ctx, d)).To(Succeed())
		Eventually(func() int {
			return testutil.CollectAndCount(m, "quorate_datastore_ready", "quorate_member_up", "quorate_actions_total")
		}).Should(BeZero())
	})
})

// gathered returns the values of the series whose names begin so, or how often
// a histogram was fed, by the name and the values of the labels that are not
// the Datastore's.
func gathered(m *operator.Metrics, prefixes ...string) map[string]float64 {
	GinkgoHelper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(m)
	families, err := registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	out := map[string]float64{}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			series := f.GetName()
			for _, l := range s.GetLabel() {
				if l.GetName() != "namespace" && l.GetName() != "name" {
					series += " " + l.GetValue()
				}
			}
			for _, p := range prefixes {
				if strings.HasPrefix(series, p) {
					out[series] = s.GetGauge().GetValue() + s.GetCounter().GetValue() + float64(s.GetHistogram().GetSampleCount())
				}
			}
		}
	}
	return out
}

// told returns the events of a reason, or all, by the member that they are
// about and their verb. One that was repeated is marked.
func told(ctx context.Context, namespace, reason string) []string {
	GinkgoHelper()
	var list eventsv1.EventList
	Expect(API.List(ctx, &list, client.InNamespace(namespace))).To(Succeed())
	var out []string
	for _, e := range list.Items {
		if e.Regarding.Kind != "Datastore" || reason != "" && e.Reason != reason {
			continue
		}
		line := e.Action
		if e.Related != nil {
			line = e.Related.Name + " " + line
		}
		if e.Series != nil {
			line += fmt.Sprint(" times ", e.Series.Count)
		}
		out = append(out, line)
	}
	return out
}
