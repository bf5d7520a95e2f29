// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// judged is one row: what was found, and what a condition makes of it.
type judged struct {
	name     string
	findings *findings
	status   metav1.ConditionStatus
	reason   string
	says     string // a part of the message
}

func expectVerdicts(t *testing.T, judge func(*findings) verdict, rows []judged) {
	t.Helper()
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) {
			v := judge(c.findings)
			if v.status != c.status || v.reason != c.reason || !strings.Contains(v.message, c.says) {
				t.Errorf("%s, %s: %s\nwant %s, %s: …%s…", v.status, v.reason, v.message, c.status, c.reason, c.says)
			}
			if v.message == "" {
				t.Error("there is no message")
			}
		})
	}
}

const (
	isTrue    = metav1.ConditionTrue
	isFalse   = metav1.ConditionFalse
	isUnknown = metav1.ConditionUnknown
)

func TestReady(t *testing.T) {
	expectVerdicts(t, ready, []judged{
		{"all serve", serving(3), isTrue, v1alpha1.ReasonAllMembersReady, "all 3 members serve"},
		{"paused", serving(3).with(paused), isTrue, v1alpha1.ReasonAllMembersReady, "all 3"},
		{"blocked, and serving all the same", serving(3).with(blocked), isTrue, v1alpha1.ReasonAllMembersReady, "all 3"},
		{"before the set forms", forming(3).with(silentMembers(2)), isFalse, v1alpha1.ReasonForming, "2 of 3 members have reported"},
		{"nothing observed yet", &findings{datastore: serving(3).datastore}, isFalse, v1alpha1.ReasonForming, "has not formed yet"},
		{"blocked before the set forms", forming(3).with(blocked), isFalse, v1alpha1.ReasonConflict, "Service db exists already"},
		{"stopped", serving(3).with(stop), isFalse, v1alpha1.ReasonStopped, "spec.stopped is true"},
		{"stopped before it formed", forming(3).with(stop), isFalse, v1alpha1.ReasonStopped, "spec.stopped is true"},
		{"stuck before the set forms", forming(3).with(pod(1, stuck)), isFalse, v1alpha1.ReasonPodStuck, "db-1 cannot start"},
		{"a lost ledger", forming(3).with(stalledFor(v1alpha1.ReasonLedgerLost)), isFalse, v1alpha1.ReasonLedgerLost, "because of"},
		{"all silent", serving(3).with(silentMembers(0, 1, 2), unknown), isUnknown, v1alpha1.ReasonMembersSilent, "no member reports"},
		{"quorum lost", serving(3).with(func(f *findings) {
			f.decision.Assessment.Serving, f.decision.Assessment.Why = false, "one of three votes"
		}), isFalse, v1alpha1.ReasonQuorumLost, "one of three votes"},
		{"a pod not ready", serving(3).with(pod(1, func(p *plan.Pod) { p.Ready = false })), isFalse, v1alpha1.ReasonMembersNotReady, "2 of 3 members are ready; waiting for db-1"},
		{"a pod that goes", serving(3).with(pod(0, func(p *plan.Pod) { p.Terminating = true })), isFalse, v1alpha1.ReasonMembersNotReady, "waiting for db-0"},
		{"a pod missing", serving(3).with(noPod(2)), isFalse, v1alpha1.ReasonMembersNotReady, "waiting for db-2"},
		{"no vote", serving(3).with(peer(2, func(q *engine.Peer) { q.Voter = false })), isFalse, v1alpha1.ReasonMembersNotReady, "waiting for db-2"},
		{"another identity", serving(3).with(peer(2, func(q *engine.Peer) { q.ID = "former" })), isFalse, v1alpha1.ReasonMembersNotReady, "waiting for db-2"},
		{"one too few", serving(3).with(func(f *findings) { f.state.Members[2] = plan.Member{Name: "db-2", Ordinal: 2} }), isFalse, v1alpha1.ReasonMembersNotReady, "waiting for db-2"},
		{"one too many", serving(3).with(func(f *findings) { f.state.Wanted.Replicas = 2 }), isTrue, v1alpha1.ReasonAllMembersReady, "all 2"},
		{"silent, but ready and a voter", serving(3).with(silentMembers(1)), isTrue, v1alpha1.ReasonAllMembersReady, "all 3"},
		{"all heard, and none leads", serving(3).with(unknown), isFalse, v1alpha1.ReasonQuorumLost, "no member reports that it leads"},
		{"being adopted", serving(3).with(unknown, silentMembers(0, 1, 2), adopted), isUnknown, v1alpha1.ReasonAdopting, "taken over"},
		{"data lost", serving(3).with(unknown, silentMembers(0, 1, 2), stalledFor(v1alpha1.ReasonDataLost)), isFalse, v1alpha1.ReasonDataLost, "because of"},
		{"not bootstrapped", serving(3).with(func(f *findings) {
			f.decision.Assessment = engine.Assessment{Formed: true, Leader: "db-0", Why: "access control is not bootstrapped yet"}
		}), isFalse, v1alpha1.ReasonForming, "until clients can use the set: access control"},
	})
}

// What cannot be known is never said to be so.
func TestReadyIsNotTrueOfWhatIsUnknown(t *testing.T) {
	if v := ready(serving(3).with(unknown)); v.status == isTrue {
		t.Errorf("%+v", v)
	}
}

func TestFormed(t *testing.T) {
	expectVerdicts(t, formed, []judged{
		{"formed", serving(3), isTrue, v1alpha1.ReasonFormed, "as cluster c1"},
		{"formed, and all silent", serving(3).with(silentMembers(0, 1, 2), unknown), isTrue, v1alpha1.ReasonFormed, "c1"},
		{"formed, and its data lost", serving(3).with(unknown, stalledFor(v1alpha1.ReasonDataLost)), isTrue, v1alpha1.ReasonFormed, "c1"},
		{"not yet", forming(3), isFalse, v1alpha1.ReasonNotFormed, "not formed yet"},
		{"nothing observed yet", &findings{datastore: serving(3).datastore}, isFalse, v1alpha1.ReasonNotFormed, "not formed yet"},
		{"a foreign volume", forming(3).with(stalledFor(v1alpha1.ReasonForeignVolume)), isFalse, v1alpha1.ReasonNotFormed, "not formed yet"},
		{"uncertain", forming(3).with(stalledFor(v1alpha1.ReasonFormationUncertain)), isUnknown, v1alpha1.ReasonFormationUncertain, "because of"},
		{"the ledger lost", forming(3).with(stalledFor(v1alpha1.ReasonLedgerLost), func(f *findings) {
			f.decision.Ledger, f.ledger = nil, nil
		}), isUnknown, v1alpha1.ReasonLedgerLost, "because of"},
	})
}

func TestDegraded(t *testing.T) {
	tolerance := func(n int) func(*findings) {
		return func(f *findings) { f.decision.Assessment.Tolerance = n }
	}
	leaving := func(f *findings) {
		e := f.decision.Ledger.Members["db-4"]
		e.Leaving = true
		f.decision.Ledger.Members["db-4"] = e
	}
	expectVerdicts(t, degraded, []judged{
		{"not formed", forming(3), isFalse, v1alpha1.ReasonNotFormed, "not formed"},
		{"being adopted", serving(3).with(adopted), isUnknown, v1alpha1.ReasonAdopting, "being taken over"},
		{"full", serving(3), isFalse, v1alpha1.ReasonFullTolerance, "1 members may fail"},
		{"alone, with none to spare", serving(1), isFalse, v1alpha1.ReasonFullTolerance, "0 members may fail"},
		{"paused", serving(3).with(paused), isFalse, v1alpha1.ReasonFullTolerance, "1 members"},
		{"less", serving(3).with(tolerance(0)), isTrue, v1alpha1.ReasonToleranceReduced, "0 more members may fail, and 1 when"},
		{"less of five", serving(5).with(tolerance(1)), isTrue, v1alpha1.ReasonToleranceReduced, "1 more members may fail, and 2 when"},
		{"one of five leaves", serving(5).with(tolerance(1), leaving), isFalse, v1alpha1.ReasonFullTolerance, "1 members may fail"},
		{"unknown", serving(3).with(unknown, silentMembers(1)), isUnknown, v1alpha1.ReasonMembersSilent, "no member reports that it leads"},
		{"all heard, and none leads", serving(3).with(unknown), isTrue, v1alpha1.ReasonQuorumLost, "no member reports that it leads"},
		{"all heard, and the leader cannot tell", serving(3).with(unknown, leaderOnly), isUnknown, v1alpha1.ReasonMembersSilent, "no member"},
		{"quorum lost", serving(3).with(func(f *findings) {
			f.decision.Assessment.Serving, f.decision.Assessment.Why = false, "one of three votes"
		}), isTrue, v1alpha1.ReasonQuorumLost, "one of three votes"},
		{"data lost", serving(3).with(unknown, stalledFor(v1alpha1.ReasonDataLost)), isTrue, v1alpha1.ReasonDataLost, "because of"},
	})
}

// stop has the specification say that no member shall run.
func stop(f *findings) { f.state.Wanted.Stopped = true }

// full has a member's volume be full.
func full(i int) func(*findings) {
	return func(f *findings) { f.state.Members[i].Report.VolumeFull = true }
}

// growth has a claim be on its way to its size.
func growth(f *findings) { f.volumes.growing = "claim data-db-0 is being enlarged" }

// noGrowth has the class of the claims refuse to let them be enlarged.
func noGrowth(f *findings) { f.volumes.refuse("claim data-db-0 may not be enlarged") }

func TestReconciling(t *testing.T) {
	planned := func(s plan.Summary) func(*findings) { return func(f *findings) { f.decision.Plan = s } }
	leave := plan.Summary{Action: engine.StepLeave, Member: "db-4", Why: "it is no longer wanted"}
	held := leave
	held.BlockedBy, held.Message = plan.GuardMembersSettled, "db-1 is not healthy"
	failed := func(f *findings) { f.failure = errors.New("connection refused") }
	waits := func(f *findings) { f.waiting = "Service db exists still" }
	pending := func(f *findings) {
		f.decision.Pending = &plan.Finding{Reason: v1alpha1.ReasonRollingOut, Message: "2 of the members still run"}
	}
	replacing := func(f *findings) { f.decision.Replace = []plan.PodRef{{Name: "db-1", UID: "p1"}} }
	wanted := func(n int32) func(*findings) { return func(f *findings) { f.state.Wanted.Replicas = n } }
	expectVerdicts(t, reconciling, []judged{
		{"adopting", serving(3).with(adopted, planned(plan.Summary{Action: engine.StepAdopt, Member: "db-2", Why: "it was made by hand"})), isTrue, v1alpha1.ReasonAdopting, "made by hand"},
		{"adopting, and to be stopped", serving(3).with(adopted, stop, planned(plan.Summary{Action: engine.StepAdopt, Why: "it was made by hand"})), isTrue, v1alpha1.ReasonAdopting, "made by hand"},
		{"at rest", serving(3), isFalse, v1alpha1.ReasonUpToDate, "as the specification says"},
		{"paused", serving(3).with(paused, failed, blocked), isFalse, v1alpha1.ReasonPaused, "nothing is changed"},
		{"blocked", serving(3).with(blocked, failed, wanted(2)), isFalse, v1alpha1.ReasonBlocked, "until the cause of Stalled"},
		{"stuck", serving(3).with(pod(1, stuck)), isFalse, v1alpha1.ReasonBlocked, "until the cause of Stalled"},
		{"failed", serving(3).with(failed, waits), isTrue, v1alpha1.ReasonBlocked, "will be tried again: connection refused"},
		{"waiting", forming(3).with(waits), isTrue, v1alpha1.ReasonBlocked, "waiting: Service db exists still"},
		{"forming", forming(3), isTrue, v1alpha1.ReasonForming, "db-2 has not reported yet"},
		{"forming, unhindered", forming(3).with(planned(plan.Summary{Why: "the founders were let start"})), isTrue, v1alpha1.ReasonForming, "the founders were let start"},
		{"held back", serving(5).with(planned(held), wanted(4)), isTrue, v1alpha1.ReasonBlocked, "Leave of db-4 waits (members-settled): db-1 is not healthy"},
		{"scaling", serving(5).with(planned(leave), wanted(4)), isTrue, v1alpha1.ReasonScaling, "it is no longer wanted"},
		{"scaling, without a step", serving(5).with(wanted(4)), isTrue, v1alpha1.ReasonScaling, "towards 4 members"},
		{"the membership is smaller", serving(3).with(func(f *findings) {
			f.decision.Assessment.Peers = f.decision.Assessment.Peers[:2]
		}), isTrue, v1alpha1.ReasonScaling, "towards 3 members"},
		{"no StatefulSet", serving(3).with(func(f *findings) { f.state.Set = nil }), isTrue, v1alpha1.ReasonScaling, "towards 3"},
		{"replacing", serving(3).with(replacing), isTrue, v1alpha1.ReasonReplacingPod, "replacing db-1"},
		{"acting", serving(3).with(planned(plan.Summary{Action: engine.StepConfigure, Member: "db-0", Why: "autopilot shall evict nobody"})), isTrue, v1alpha1.ReasonActing, "autopilot shall evict nobody"},
		{"pending", serving(3).with(pending, growth), isTrue, v1alpha1.ReasonRollingOut, "2 of the members still run"},
		{"growth", serving(3).with(growth), isTrue, v1alpha1.ReasonExpandingVolumes, "data-db-0 is being enlarged"},
		{"growth refused", serving(3).with(growth, noGrowth), isFalse, v1alpha1.ReasonBlocked, "until the cause of Stalled"},
		{"stopping", serving(3).with(stop), isTrue, v1alpha1.ReasonStopping, "3 members still have a pod"},
		{"stopped", serving(3).with(stop, noPod(0), noPod(1), noPod(2)), isFalse, v1alpha1.ReasonStopped, "no member runs"},
		{"not ready", serving(3).with(pod(2, func(p *plan.Pod) { p.Ready = false })), isTrue, v1alpha1.ReasonMembersNotReady, "waiting for db-2"},
		{"unknown is not at rest when a pod is not ready", serving(3).with(unknown, noPod(0)), isTrue, v1alpha1.ReasonMembersNotReady, "waiting for db-0"},
	})
}

func TestStalled(t *testing.T) {
	expectVerdicts(t, stalled, []judged{
		{"at rest", serving(3), isFalse, v1alpha1.ReasonNotStalled, "nothing waits for a person"},
		{"paused", serving(3).with(paused, blocked, pod(1, stuck)), isFalse, v1alpha1.ReasonPaused, "nothing is changed"},
		{"blocked", serving(3).with(blocked, stalledFor(v1alpha1.ReasonDataLost)), isTrue, v1alpha1.ReasonConflict, "Service db exists already"},
		{"decided", serving(3).with(stalledFor(v1alpha1.ReasonDataLost), pod(1, stuck)), isTrue, v1alpha1.ReasonDataLost, "because of"},
		{"stuck", serving(3).with(pod(1, stuck)), isTrue, v1alpha1.ReasonPodStuck, "db-1 cannot start: container server: ImagePullBackOff: not found; correct spec.image"},
		{"full", serving(3).with(full(1)), isTrue, v1alpha1.ReasonVolumeFull, "claim data-db-1 of db-1; raise spec.storage.size"},
		{"full, and the server down", serving(3).with(full(1), pod(1, stuck)), isTrue, v1alpha1.ReasonVolumeFull, "claim data-db-1 of db-1"},
		{"full, and growth refused", serving(3).with(full(1), noGrowth), isTrue, v1alpha1.ReasonVolumeFull, "and claim data-db-0 may not be enlarged"},
		{"full, and growing", serving(3).with(full(1), growth), isFalse, v1alpha1.ReasonNotStalled, "nothing"},
		{"full, and not wanted", serving(3).with(full(2), func(f *findings) { f.state.Wanted.Replicas = 2 }), isFalse, v1alpha1.ReasonNotStalled, "nothing"},
		{"growth refused", serving(3).with(noGrowth), isTrue, v1alpha1.ReasonExpansionRefused, "claim data-db-0 may not be enlarged"},
		{"stuck, and growth refused", serving(3).with(pod(1, stuck), noGrowth), isTrue, v1alpha1.ReasonPodStuck, "by itself; and claim data-db-0 may not be enlarged"},
		{"stuck before the set forms", forming(3).with(pod(2, stuck)), isTrue, v1alpha1.ReasonPodStuck, "db-2 cannot start"},
		{"ready after all", serving(3).with(pod(1, func(p *plan.Pod) { p.Stuck = "container x: CrashLoopBackOff" })), isFalse, v1alpha1.ReasonNotStalled, "nothing"},
		{"stuck, and not wanted", serving(3).with(pod(2, stuck), func(f *findings) { f.state.Wanted.Replicas = 2 }), isFalse, v1alpha1.ReasonNotStalled, "nothing"},
		{"no pod yet", forming(3).with(noPod(1)), isFalse, v1alpha1.ReasonNotStalled, "nothing"},
	})
}

// kstatus reads the two as opposites: what stalls is not in progress.
func TestStalledAndReconcilingExcludeEachOther(t *testing.T) {
	for name, f := range map[string]*findings{
		"at rest": serving(3), "forming": forming(3), "blocked": serving(3).with(blocked), "stuck": forming(3).with(pod(0, stuck)),
		"data lost": serving(3).with(stalledFor(v1alpha1.ReasonDataLost)), "failed": serving(3).with(func(f *findings) { f.failure = errors.New("x") }),
		"blocked and failed": forming(3).with(blocked, func(f *findings) { f.failure = errors.New("x") }), "paused": serving(3).with(paused),
	} {
		if reconciling(f).status == isTrue && stalled(f).status == isTrue {
			t.Errorf("%s: both are true", name)
		}
	}
}
