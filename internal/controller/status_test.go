// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// onNodes is a snapshot in which each member of the findings has a node.
func onNodes(f *findings) *snapshot {
	s := &snapshot{pods: map[string]*corev1.Pod{}}
	for _, m := range f.state.Members {
		if m.Pod != nil {
			s.pods[m.Name] = &corev1.Pod{Spec: corev1.PodSpec{NodeName: "node-of-" + m.Name}}
		}
	}
	return s
}

func TestStatusOfASetAtRest(t *testing.T) {
	f := serving(2)
	f.decision.Assessment.Tolerance = 0
	got := statusOf(f, onNodes(f))
	var types []string
	for _, c := range got.Conditions {
		types = append(types, c.Type)
		if c.ObservedGeneration != 7 || c.LastTransitionTime.IsZero() {
			t.Errorf("condition %+v", c)
		}
	}
	want := v1alpha1.DatastoreStatus{
		ObservedGeneration: 7, ClusterID: "c1", Image: "consul:1", Replicas: 2, ReadyReplicas: 2,
		Selector:       "quorate.dev/component=server,quorate.dev/datastore=db",
		FaultTolerance: ptr.To[int32](0), Conditions: got.Conditions,
		Members: []v1alpha1.MemberStatus{
			{Name: "db-0", ID: "id-0", Role: "follower", Voter: ptr.To(true), Healthy: ptr.To(true), Version: "1.22.3", Node: "node-of-db-0", ClaimUID: "c0"},
			{Name: "db-1", ID: "id-1", Role: "follower", Voter: ptr.To(true), Healthy: ptr.To(true), Version: "1.22.3", Node: "node-of-db-1", ClaimUID: "c1"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Ready", "Formed", "Degraded", "Reconciling", "Stalled"}, types); diff != "" {
		t.Error(diff)
	}
}

// What is found again is written as it was, so that at rest nothing is (law 8).
func TestStatusOfTheSameFindingsIsTheSame(t *testing.T) {
	for name, f := range map[string]*findings{
		"at rest": serving(3), "forming": forming(3), "silent": serving(3).with(unknown, silentMembers(0, 1, 2)),
		"blocked": serving(3).with(blocked), "stuck": forming(3).with(pod(1, stuck)), "paused": serving(1).with(paused),
	} {
		first := statusOf(f, onNodes(f))
		for i := range first.Conditions {
			first.Conditions[i].LastTransitionTime = metav1.NewTime(time.Now().Add(-time.Hour))
		}
		f.datastore.Status = *first.DeepCopy()
		if again := statusOf(f, onNodes(f)); !sameStatus(&first, &again) {
			t.Errorf("%s: %s", name, cmp.Diff(first, again))
		}
	}
}

func TestStatusTellsWhatIsUnknownApart(t *testing.T) {
	f := serving(3).with(unknown, silentMembers(1))
	got := statusOf(f, onNodes(f))
	if got.FaultTolerance != nil {
		t.Errorf("tolerance %d of a set of which nothing is known", *got.FaultTolerance)
	}
	if m := got.Members[0]; m.Voter != nil || m.Healthy != nil || m.ID != "id-0" {
		t.Errorf("a member that reports: %+v", m)
	}
	if m := got.Members[1]; m.Voter != nil || m.Healthy != nil || m.ID != "" || m.Role != "" || m.Node == "" {
		t.Errorf("a silent member: %+v", m)
	}
}

// The membership says more of a silent member than its own agent.
func TestStatusOfASilentMember(t *testing.T) {
	f := serving(3).with(silentMembers(1), peer(1, func(q *engine.Peer) { q.Healthy = false }))
	got := statusOf(f, onNodes(f)).Members[1]
	want := v1alpha1.MemberStatus{
		Name: "db-1", ID: "id-1", Voter: ptr.To(true), Healthy: ptr.To(false), Version: "1.22.3", Node: "node-of-db-1", ClaimUID: "c1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStatusCountsPods(t *testing.T) {
	f := serving(5).with(noPod(0),
		pod(1, func(p *plan.Pod) { p.Ready = false }),
		pod(2, func(p *plan.Pod) { p.Terminating = true }))
	got := statusOf(f, onNodes(f))
	if got.Replicas != 4 || got.ReadyReplicas != 2 {
		t.Errorf("%d pods, %d ready; want 4 and 2", got.Replicas, got.ReadyReplicas)
	}
	if len(got.Members) != 5 {
		t.Errorf("%d members; one without a pod that has its vote is one", len(got.Members))
	}
	f.decision.Assessment.Peers = f.decision.Assessment.Peers[1:]
	if got := statusOf(f, onNodes(f)); len(got.Members) != 4 {
		t.Errorf("%d members; one with neither pod nor vote is none", len(got.Members))
	}
}

// What was decided and never stored is not shown as the set's.
func TestStatusMirrorsTheStoredLedger(t *testing.T) {
	f := forming(3)
	f.ledger = nil
	f.datastore.Status.Image = "before"
	if got := statusOf(f, onNodes(f)); got.ClusterID != "" || got.Image != "before" {
		t.Errorf("cluster %q, image %q without a ledger", got.ClusterID, got.Image)
	}
}

func TestStatusShowsThePlan(t *testing.T) {
	for name, c := range map[string]struct {
		plan plan.Summary
		want *v1alpha1.PlanStatus
	}{
		"nothing":        {plan.Summary{Why: "the founders were let start"}, nil},
		"under way":      {plan.Summary{Action: engine.StepLeave, Member: "db-2", Why: "unwanted"}, &v1alpha1.PlanStatus{Action: "Leave", Member: "db-2", Why: "unwanted", Message: "unwanted"}},
		"held back":      {plan.Summary{Action: engine.StepLeave, Member: "db-2", Why: "unwanted", BlockedBy: "g", Message: "db-1 is silent"}, &v1alpha1.PlanStatus{Action: "Leave", Member: "db-2", Why: "unwanted", BlockedBy: "g", Message: "db-1 is silent"}},
		"of the set":     {plan.Summary{Action: engine.StepGrant, Why: "form the set of 3"}, &v1alpha1.PlanStatus{Action: "Grant", Why: "form the set of 3", Message: "form the set of 3"}},
		"nothing at all": {},
	} {
		f := serving(3)
		f.decision.Plan = c.plan
		if diff := cmp.Diff(c.want, statusOf(f, onNodes(f)).Plan); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A condition keeps its time for as long as it has its status.
func TestConditionsKeepTheirTime(t *testing.T) {
	f := serving(3)
	f.datastore.Status = statusOf(f, onNodes(f))
	long := metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second))
	for i := range f.datastore.Status.Conditions {
		f.datastore.Status.Conditions[i].LastTransitionTime = long
	}
	before := f.datastore.Status.DeepCopy()
	got := statusOf(f.with(pod(1, func(p *plan.Pod) { p.Ready = false })), onNodes(f))
	for _, c := range got.Conditions {
		turned := c.Type == v1alpha1.ConditionReady || c.Type == v1alpha1.ConditionReconciling
		if c.LastTransitionTime.Equal(&long) == turned {
			t.Errorf("%s is %s since %s", c.Type, c.Status, c.LastTransitionTime)
		}
	}
	if diff := cmp.Diff(*before, f.datastore.Status); diff != "" {
		t.Errorf("the status before was changed: %s", diff)
	}
}

// A pass that saw nothing says only why; what is known stays.
func TestStatusOfAPassThatSawNothing(t *testing.T) {
	seen := serving(3)
	before := statusOf(seen, onNodes(seen))
	d := seen.datastore
	d.Status, d.Generation = *before.DeepCopy(), 8
	undecided := func(change func(*findings)) *findings {
		f := &findings{datastore: d, quorum: engine.Majority, state: plan.State{Name: "db"}}
		change(f)
		return f
	}

	failed := statusOf(undecided(func(f *findings) { f.failure = errors.New("connection refused") }), &snapshot{})
	turned := meta.FindStatusCondition(failed.Conditions, v1alpha1.ConditionReconciling)
	if turned.Status != isTrue || turned.Reason != v1alpha1.ReasonBlocked || failed.ObservedGeneration != 8 {
		t.Errorf("of generation %d: %+v", failed.ObservedGeneration, turned)
	}
	expectKept(t, before, failed, v1alpha1.ConditionReconciling)

	refused := statusOf(undecided(blocked), &snapshot{})
	if c := meta.FindStatusCondition(refused.Conditions, v1alpha1.ConditionStalled); c.Status != isTrue || c.Reason != v1alpha1.ReasonConflict {
		t.Errorf("%+v", c)
	}
	expectKept(t, before, refused, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled)

	expectKept(t, before, statusOf(undecided(func(*findings) {}), &snapshot{}))

	d.Status = v1alpha1.DatastoreStatus{}
	if first := statusOf(undecided(blocked), &snapshot{}); len(first.Conditions) != len(judges) {
		t.Errorf("%d conditions at first sight, want all of them", len(first.Conditions))
	}
}

// expectKept compares all but the generation and the named conditions.
func expectKept(t *testing.T, before, now v1alpha1.DatastoreStatus, but ...string) {
	t.Helper()
	before, now = *before.DeepCopy(), *now.DeepCopy()
	now.ObservedGeneration = before.ObservedGeneration
	for _, name := range but {
		meta.RemoveStatusCondition(&before.Conditions, name)
		meta.RemoveStatusCondition(&now.Conditions, name)
	}
	if diff := cmp.Diff(before, now); diff != "" {
		t.Error(diff)
	}
}

func TestUrgent(t *testing.T) {
	base := func() *v1alpha1.DatastoreStatus {
		f := serving(3)
		s := statusOf(f, onNodes(f))
		return &s
	}
	for name, c := range map[string]struct {
		change func(*v1alpha1.DatastoreStatus)
		want   bool
	}{
		"nothing":            {func(*v1alpha1.DatastoreStatus) {}, false},
		"a plan":             {func(s *v1alpha1.DatastoreStatus) { s.Plan = &v1alpha1.PlanStatus{Action: "Leave"} }, false},
		"ready replicas":     {func(s *v1alpha1.DatastoreStatus) { s.ReadyReplicas-- }, false},
		"a message":          {func(s *v1alpha1.DatastoreStatus) { s.Conditions[0].Message = "else" }, false},
		"a reason":           {func(s *v1alpha1.DatastoreStatus) { s.Conditions[0].Reason = "Else" }, false},
		"Ready turned":       {func(s *v1alpha1.DatastoreStatus) { turn(s, v1alpha1.ConditionReady) }, true},
		"Stalled turned":     {func(s *v1alpha1.DatastoreStatus) { turn(s, v1alpha1.ConditionStalled) }, true},
		"Reconciling turned": {func(s *v1alpha1.DatastoreStatus) { turn(s, v1alpha1.ConditionReconciling) }, false},
		"Degraded turned":    {func(s *v1alpha1.DatastoreStatus) { turn(s, v1alpha1.ConditionDegraded) }, false},
		"a new condition":    {func(s *v1alpha1.DatastoreStatus) { s.Conditions = append(s.Conditions, metav1.Condition{Type: "New"}) }, true},
		"another condition":  {func(s *v1alpha1.DatastoreStatus) { s.Conditions[0].Type = "New" }, true},
		"a generation":       {func(s *v1alpha1.DatastoreStatus) { s.ObservedGeneration++ }, true},
	} {
		now := base()
		c.change(now)
		if got := urgent(base(), now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func turn(s *v1alpha1.DatastoreStatus, condition string) {
	meta.FindStatusCondition(s.Conditions, condition).Status = isUnknown
}

func TestSameStatus(t *testing.T) {
	a := v1alpha1.DatastoreStatus{Replicas: 1}
	b := v1alpha1.DatastoreStatus{Replicas: 1, Members: []v1alpha1.MemberStatus{}}
	if !sameStatus(&a, &b) {
		t.Error("an empty list differs from none")
	}
	b.Replicas = 2
	if sameStatus(&a, &b) {
		t.Error("a difference is not seen")
	}
}
