// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

var db = types.NamespacedName{Namespace: "ns", Name: "db"}

// clock is one that a test turns.
type clock struct{ time.Time }

func (c *clock) now() time.Time        { return c.Time }
func (c *clock) after(d time.Duration) { c.Time = c.Add(d) }
func newClock() *clock                 { return &clock{time.Unix(1_800_000_000, 0)} }
func planned(s plan.Summary) func(*findings) {
	return func(f *findings) { f.decision.Plan = s }
}

var heldBack = plan.Summary{Action: engine.StepLeave, Member: "db-3", Why: "not wanted", BlockedBy: plan.GuardMembersSettled, Message: "db-2 is no healthy voter"}

// told compares the series of some families, or of all.
func told(t *testing.T, m *Metrics, families, want string) {
	t.Helper()
	if err := testutil.CollectAndCompare(m, strings.NewReader(want), strings.Fields(families)...); err != nil {
		t.Error(err)
	}
}

const (
	memberFamilies = "quorate_member_up quorate_member_voter quorate_member_healthy quorate_member_leader"
	setFamilies    = "quorate_datastore_ready quorate_datastore_fault_tolerance quorate_datastore_stalled"
	planFamilies   = "quorate_plan_age_seconds quorate_plan_blocked"
)

func TestMetricsOfASet(t *testing.T) {
	at := newClock()
	m := NewMetrics(at.now)
	f := serving(4).with(
		planned(heldBack),
		peer(2, func(p *engine.Peer) { p.Healthy = false }), pod(2, func(p *plan.Pod) { p.Ready = false }),
		func(f *findings) { f.state.Members[2].Report.Server = engine.Server{} },
		func(f *findings) { f.decision.Assessment.Peers = f.decision.Assessment.Peers[:3] },
	)
	f.decision.Assessment.Tolerance = 0
	m.take(db, f, []deed{{kind: engine.StepGrant, member: "db-3"}}, false)
	at.after(90 * time.Second)
	told(t, m, "", `
# HELP quorate_actions_total Actions that were begun by this manager.
# TYPE quorate_actions_total counter
quorate_actions_total{action="Grant",name="db",namespace="ns"} 1
# HELP quorate_datastore_fault_tolerance How many members may fail now without loss of service. Absent where that is not known.
# TYPE quorate_datastore_fault_tolerance gauge
quorate_datastore_fault_tolerance{name="db",namespace="ns"} 0
# HELP quorate_datastore_observation_age_seconds Time since the operator last looked at the members.
# TYPE quorate_datastore_observation_age_seconds gauge
quorate_datastore_observation_age_seconds{name="db",namespace="ns"} 90
# HELP quorate_datastore_ready 1 where the condition Ready is True, 0 where it is False or Unknown.
# TYPE quorate_datastore_ready gauge
quorate_datastore_ready{name="db",namespace="ns"} 0
# HELP quorate_datastore_stalled 1 where the condition Stalled is True: a person is needed. The reason is the condition's.
# TYPE quorate_datastore_stalled gauge
quorate_datastore_stalled{name="db",namespace="ns",reason="NotStalled"} 0
# HELP quorate_member_healthy 1 where the engine finds the member healthy. Absent where that is not known.
# TYPE quorate_member_healthy gauge
quorate_member_healthy{member="db-0",name="db",namespace="ns"} 1
quorate_member_healthy{member="db-1",name="db",namespace="ns"} 1
quorate_member_healthy{member="db-2",name="db",namespace="ns"} 0
quorate_member_healthy{member="db-3",name="db",namespace="ns"} 0
# HELP quorate_member_leader 1 where the member leads. Absent where that is not known.
# TYPE quorate_member_leader gauge
quorate_member_leader{member="db-0",name="db",namespace="ns"} 1
quorate_member_leader{member="db-1",name="db",namespace="ns"} 0
quorate_member_leader{member="db-2",name="db",namespace="ns"} 0
quorate_member_leader{member="db-3",name="db",namespace="ns"} 0
# HELP quorate_member_up 1 where the agent reports and its server runs.
# TYPE quorate_member_up gauge
quorate_member_up{member="db-0",name="db",namespace="ns"} 1
quorate_member_up{member="db-1",name="db",namespace="ns"} 1
quorate_member_up{member="db-2",name="db",namespace="ns"} 0
quorate_member_up{member="db-3",name="db",namespace="ns"} 1
# HELP quorate_member_voter 1 where the member has a vote. Absent where that is not known.
# TYPE quorate_member_voter gauge
quorate_member_voter{member="db-0",name="db",namespace="ns"} 1
quorate_member_voter{member="db-1",name="db",namespace="ns"} 1
quorate_member_voter{member="db-2",name="db",namespace="ns"} 1
quorate_member_voter{member="db-3",name="db",namespace="ns"} 0
# HELP quorate_plan_age_seconds For how long the present action has been under way, or blocked. Absent where nothing is to be done.
# TYPE quorate_plan_age_seconds gauge
quorate_plan_age_seconds{action="Leave",name="db",namespace="ns"} 90
# HELP quorate_plan_blocked 1 while a guard holds the next action back. Absent where none does.
# TYPE quorate_plan_blocked gauge
quorate_plan_blocked{action="Leave",guard="members-settled",name="db",namespace="ns"} 1
`)
	problems, err := testutil.CollectAndLint(m)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// What is not known has no series: zero would say that it is not so.
func TestMetricsOfWhatIsNotKnown(t *testing.T) {
	m := NewMetrics(newClock().now)
	m.take(db, serving(3).with(unknown, silentMembers(0, 1, 2)), nil, false)
	told(t, m, setFamilies+" "+memberFamilies, `
# HELP quorate_datastore_ready 1 where the condition Ready is True, 0 where it is False or Unknown.
# TYPE quorate_datastore_ready gauge
quorate_datastore_ready{name="db",namespace="ns"} 0
# HELP quorate_datastore_stalled 1 where the condition Stalled is True: a person is needed. The reason is the condition's.
# TYPE quorate_datastore_stalled gauge
quorate_datastore_stalled{name="db",namespace="ns",reason="NotStalled"} 0
# HELP quorate_member_up 1 where the agent reports and its server runs.
# TYPE quorate_member_up gauge
quorate_member_up{member="db-0",name="db",namespace="ns"} 0
quorate_member_up{member="db-1",name="db",namespace="ns"} 0
quorate_member_up{member="db-2",name="db",namespace="ns"} 0
`)
}

// Of two identities under one name it cannot be told which is the silent one's.
func TestMetricsOfAnAmbiguousMember(t *testing.T) {
	f := serving(3).with(silentMembers(2))
	f.decision.Assessment.Peers = append(f.decision.Assessment.Peers, engine.Peer{ID: "former", Name: "db-2"})
	if got := factsOf(f, f.state.Members[2]); got.voter != nil || got.healthy != nil || got.leader == nil || *got.leader {
		t.Errorf("%+v", got)
	}
}

// A stopped set has nobody who should be up.
func TestMetricsOfAStoppedSet(t *testing.T) {
	m := NewMetrics(newClock().now)
	m.take(db, serving(3).with(func(f *findings) { f.state.Wanted.Stopped = true }, noPod(2), noPod(1), noPod(0)), nil, false)
	if n := testutil.CollectAndCount(m, strings.Fields(memberFamilies)...); n != 0 {
		t.Errorf("%d series of members", n)
	}
	m.take(db, serving(3).with(func(f *findings) { f.state.Wanted.Stopped = true }, noPod(2)), nil, false)
	if n := testutil.CollectAndCount(m, "quorate_member_up"); n != 2 {
		t.Errorf("%d members while two still run", n)
	}
}

func TestStalledTellsItsReason(t *testing.T) {
	const head = `
# HELP quorate_datastore_stalled 1 where the condition Stalled is True: a person is needed. The reason is the condition's.
# TYPE quorate_datastore_stalled gauge
`
	at := newClock()
	m := NewMetrics(at.now)
	undecided := func() *findings { return &findings{datastore: serving(3).datastore, quorum: engine.Majority} }
	for _, step := range []struct {
		findings *findings
		want     string
	}{
		{undecided(), ""},
		{serving(3).with(stalledFor(v1alpha1.ReasonDataLost)), head + `quorate_datastore_stalled{name="db",namespace="ns",reason="DataLost"} 1` + "\n"},
		{undecided(), head + `quorate_datastore_stalled{name="db",namespace="ns",reason="DataLost"} 1` + "\n"},
		{undecided().with(blocked), head + `quorate_datastore_stalled{name="db",namespace="ns",reason="Conflict"} 1` + "\n"},
		{serving(3), head + `quorate_datastore_stalled{name="db",namespace="ns",reason="NotStalled"} 0` + "\n"},
	} {
		m.take(db, step.findings, nil, false)
		told(t, m, "quorate_datastore_stalled", step.want)
	}
}

// Its age is that of a plan, whichever guard refuses now, until it may go on.
func TestAgeOfAPlan(t *testing.T) {
	at := newClock()
	m := NewMetrics(at.now)
	other, freed, next := heldBack, heldBack, heldBack
	other.BlockedBy, other.Message = plan.GuardQuorumAfter, "else"
	freed.BlockedBy, freed.Message = "", ""
	next.Member = "db-2"
	for _, step := range []struct {
		plan plan.Summary
		want string
	}{
		{heldBack, "10"}, {heldBack, "20"}, {other, "30"}, {freed, "10"}, {freed, "20"}, {next, "10"}, {plan.Summary{}, ""}, {next, "10"},
	} {
		m.take(db, serving(4).with(planned(step.plan)), nil, false)
		at.after(10 * time.Second)
		want := ""
		if step.want != "" {
			want = "# HELP quorate_plan_age_seconds For how long the present action has been under way, or blocked. Absent where nothing is to be done.\n" +
				"# TYPE quorate_plan_age_seconds gauge\nquorate_plan_age_seconds{action=\"Leave\",name=\"db\",namespace=\"ns\"} " + step.want + "\n"
		}
		told(t, m, "quorate_plan_age_seconds", want)
	}
}

// A manager that has just begun does not call members down whom it has not
// asked yet.
func TestMetricsOfAnEarlyPass(t *testing.T) {
	m := NewMetrics(newClock().now)
	m.take(db, serving(3).with(silentMembers(1)), nil, true)
	if n := testutil.CollectAndCount(m); n != 0 {
		t.Errorf("%d series", n)
	}
	m.take(db, serving(3), nil, false)
	before := testutil.CollectAndCount(m)
	m.take(db, serving(3).with(unknown, silentMembers(0, 1, 2)), nil, true)
	if n := testutil.CollectAndCount(m); n != before || before == 0 {
		t.Errorf("%d series, and %d before", n, before)
	}
}

func TestMetricsOfADatastoreGoWithIt(t *testing.T) {
	m := NewMetrics(newClock().now)
	leave := []deed{{kind: engine.StepLeave, member: "db-3"}}
	m.take(db, serving(4), leave, false)
	m.take(types.NamespacedName{Namespace: "ns", Name: "other"}, serving(3), nil, false)
	m.forget(db)
	if n := testutil.CollectAndCount(m, "quorate_member_up"); n != 3 {
		t.Errorf("%d members, want those of the other Datastore", n)
	}
	m.take(db, serving(4), leave, false)
	again := serving(3)
	again.datastore.UID = "u-second"
	m.take(db, again, nil, false)
	if n := testutil.CollectAndCount(m, "quorate_actions_total"); n != 0 {
		t.Error("a Datastore of the same name has the actions of the one before")
	}
	m.forget(db)
	m.forget(types.NamespacedName{Namespace: "ns", Name: "other"})
	if n := testutil.CollectAndCount(m); n != 0 {
		t.Errorf("%d series are left", n)
	}
}

// However often and of whatever a set tells, the number of its series is
// bounded by its members and the words that there are.
func TestSeriesAreBounded(t *testing.T) {
	at := newClock()
	m := NewMetrics(at.now)
	count := 0
	for i := range 200 {
		at.after(time.Second)
		f := serving(3).with(planned(plan.Summary{
			Action: engine.StepEvictDead, Member: "db-1", Why: fmt.Sprint("why ", i), BlockedBy: plan.GuardIdentity, Message: fmt.Sprint("fact ", i),
		}), func(f *findings) {
			f.decision.Stalled = &plan.Finding{Reason: v1alpha1.ReasonMemberLost, Message: fmt.Sprint("claim ", i)}
		})
		for j := range f.state.Members {
			f.state.Members[j].Report.Server.ID = fmt.Sprint("id-", i, j)
		}
		evict := deed{kind: engine.StepEvictDead, member: "db-1", of: fmt.Sprint("dead-", i), why: fmt.Sprint("why ", i)}
		m.take(db, f, []deed{evict}, false)
		if i == 1 {
			count = testutil.CollectAndCount(m)
		}
	}
	if n := testutil.CollectAndCount(m); n != count || count == 0 {
		t.Errorf("%d series, and %d in the beginning", n, count)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{"namespace": true, "name": true, "member": true, "reason": true, "action": true, "guard": true, "outcome": true}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			for _, l := range s.GetLabel() {
				if !allowed[l.GetName()] || strings.Contains(l.GetValue(), " ") {
					t.Errorf("%s has the label %s=%q", f.GetName(), l.GetName(), l.GetValue())
				}
			}
		}
	}
}
