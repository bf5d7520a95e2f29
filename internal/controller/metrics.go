// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/internal/plan"
)

// Metrics tells of every Datastore that this manager reconciles, from what its
// last pass found, and of the actions that were carried out. It is a collector:
// nothing is set and left behind, and what is not known has no series.
//
// Labels are names of objects, and words of which there is a fixed number:
// kinds of actions, guards, reasons. No identity and no message is among them.
type Metrics struct {
	now       func() time.Time
	durations *prometheus.HistogramVec

	mu     sync.Mutex
	stands map[types.NamespacedName]*stand
}

// stand is what is told of one Datastore.
type stand struct {
	uid types.UID
	// stalled is a word on whether it is; its reason is empty before the first.
	stalled verdict
	// seen is when the members were last looked at; zero before that, and then
	// nothing is told of them.
	seen      time.Time
	ready     bool
	tolerance *int
	members   []memberFacts
	// plan is the next step or what blocks it, and since when it has been so.
	plan  plan.Summary
	since time.Time

	actions actions
}

// memberFacts is what is told of one member; what is nil is not known.
type memberFacts struct {
	name                   string
	up                     bool
	voter, healthy, leader *bool
}

// NewMetrics returns metrics that tell of no Datastore yet. They are for one
// manager, and to be registered once.
func NewMetrics(now func() time.Time) *Metrics {
	return &Metrics{
		now:    now,
		stands: map[types.NamespacedName]*stand{},
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "quorate_action_duration_seconds",
			Help:    "Time from when an action was asked for until its outcome was seen.",
			Buckets: []float64{0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800},
		}, []string{"action", "outcome"}),
	}
}

// take notes what a pass found and did, and returns what has become of the
// actions by that. A pass that looked at no member tells only why it did not;
// one that came too early for the agents to have answered tells only of what it
// did itself.
func (m *Metrics) take(key types.NamespacedName, f *findings, begun []deed, early bool) []news {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stands[key]
	if s == nil || s.uid != f.datastore.UID {
		s = &stand{uid: f.datastore.UID}
		m.stands[key] = s
	}
	now := m.now()
	if f.blocked != nil || f.decided && !early {
		s.stalled = stalled(f)
	}
	if !f.decided {
		return nil
	}
	if !early {
		s.observe(f, now)
	}
	turns := s.actions.follow(f, begun, now)
	for _, t := range turns {
		if t.outcome != outcomeBegun {
			m.durations.WithLabelValues(string(t.kind), string(t.outcome)).Observe(t.after.Seconds())
		}
	}
	return turns
}

// forget has nothing be told of a Datastore any more: it is gone, or another
// manager's.
func (m *Metrics) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.stands, key)
}

// observe notes how the members are and what is planned.
//
// The age of a plan is that of its action on its member, blocked or not: which
// guard it is that refuses may change from one pass to the next.
func (s *stand) observe(f *findings, now time.Time) {
	p := f.decision.Plan
	same := p.Action == s.plan.Action && p.Member == s.plan.Member && (p.BlockedBy == "") == (s.plan.BlockedBy == "")
	if !same || s.since.IsZero() {
		s.since = now
	}
	s.plan, s.seen = p, now
	s.ready = ready(f).status == metav1.ConditionTrue
	s.tolerance = nil
	if a := f.decision.Assessment; a.Known {
		s.tolerance = &a.Tolerance
	}
	s.members = s.members[:0]
	for i, m := range f.state.Members {
		wanted := i < int(f.state.Wanted.Replicas) && !f.stopped()
		if wanted || m.Pod != nil || livePeer(f.decision.Assessment, m) != nil && !f.stopped() {
			s.members = append(s.members, factsOf(f, m))
		}
	}
}

// factsOf tells of one member. Vote and health are the word of a quorum, as is
// the leadership: a server that is cut off may think that it still leads.
func factsOf(f *findings, m plan.Member) memberFacts {
	a := f.decision.Assessment
	out := memberFacts{name: m.Name, up: m.Pod != nil && m.Report != nil && m.Report.Server.Running}
	if a.Known || a.Leader != "" {
		leads := a.Leader == m.Name
		out.leader = &leads
	}
	if !a.Known {
		return out
	}
	q := livePeer(a, m)
	if q == nil && len(a.PeersNamed(m.Name)) > 0 {
		return out // which of these it is cannot be told
	}
	voter, healthy := q != nil && q.Voter, q != nil && q.Healthy
	out.voter, out.healthy = &voter, &healthy
	return out
}
