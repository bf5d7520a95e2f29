// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/internal/engine"
)

// The families of series, one Datastore's each. The first two labels are its
// namespace and its name.
var (
	readyFamily       = family("quorate_datastore_ready", "1 where the condition Ready is True, 0 where it is False or Unknown.")
	toleranceFamily   = family("quorate_datastore_fault_tolerance", "How many members may fail now without loss of service. Absent where that is not known.")
	stalledFamily     = family("quorate_datastore_stalled", "1 where the condition Stalled is True: a person is needed. The reason is the condition's.", "reason")
	lookedFamily      = family("quorate_datastore_observation_age_seconds", "Time since the operator last looked at the members.")
	planAgeFamily     = family("quorate_plan_age_seconds", "For how long the present action has been under way, or blocked. Absent where nothing is to be done.", "action")
	planBlockedFamily = family("quorate_plan_blocked", "1 while a guard holds the next action back. Absent where none does.", "action", "guard")
	actionsFamily     = family("quorate_actions_total", "Actions that were begun by this manager.", "action")
	upFamily          = family("quorate_member_up", "1 where the agent reports and its server runs.", "member")
	voterFamily       = family("quorate_member_voter", "1 where the member has a vote. Absent where that is not known.", "member")
	healthyFamily     = family("quorate_member_healthy", "1 where the engine finds the member healthy. Absent where that is not known.", "member")
	leaderFamily      = family("quorate_member_leader", "1 where the member leads. Absent where that is not known.", "member")
)

func family(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append([]string{"namespace", "name"}, labels...), nil)
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	m.durations.Describe(out)
	for _, d := range []*prometheus.Desc{
		readyFamily, toleranceFamily, stalledFamily, lookedFamily, planAgeFamily, planBlockedFamily, actionsFamily,
		upFamily, voterFamily, healthyFamily, leaderFamily,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	m.durations.Collect(out)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for key, s := range m.stands {
		told := series{out: out, key: key}
		told.stand(s, now)
	}
}

// series sends those of one Datastore.
type series struct {
	out chan<- prometheus.Metric
	key types.NamespacedName
}

func (s series) gauge(d *prometheus.Desc, value float64, labels ...string) {
	s.out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{s.key.Namespace, s.key.Name}, labels...)...)
}

func (s series) fact(d *prometheus.Desc, value *bool, labels ...string) {
	if value != nil {
		s.gauge(d, number(*value), labels...)
	}
}

func (s series) stand(st *stand, now time.Time) {
	if v := st.stalled; v.reason != "" {
		s.gauge(stalledFamily, number(v.status == metav1.ConditionTrue), v.reason)
	}
	for kind, n := range st.actions.begun {
		s.out <- prometheus.MustNewConstMetric(actionsFamily, prometheus.CounterValue, float64(n), s.key.Namespace, s.key.Name, string(kind))
	}
	if st.seen.IsZero() {
		return
	}
	s.gauge(readyFamily, number(st.ready))
	s.gauge(lookedFamily, now.Sub(st.seen).Seconds())
	if st.tolerance != nil {
		s.gauge(toleranceFamily, float64(*st.tolerance))
	}
	s.plan(st, now)
	for _, f := range st.members {
		s.fact(upFamily, &f.up, f.name)
		s.fact(voterFamily, f.voter, f.name)
		s.fact(healthyFamily, f.healthy, f.name)
		s.fact(leaderFamily, f.leader, f.name)
	}
}

func (s series) plan(st *stand, now time.Time) {
	if st.plan.Action == engine.StepKind("") {
		return
	}
	s.gauge(planAgeFamily, now.Sub(st.since).Seconds(), string(st.plan.Action))
	if st.plan.BlockedBy != "" {
		s.gauge(planBlockedFamily, 1, string(st.plan.Action), st.plan.BlockedBy)
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
