// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// problem has the agent of a member complain.
func problem(i int, text string) func(*findings) {
	return func(f *findings) { f.state.Members[i].Report.Problem = text }
}

// action has the agent of a member tell of its last action.
func action(i int, a engine.ActionState) func(*findings) {
	return func(f *findings) { f.state.Members[i].Report.Action = &a }
}

func steps(kind engine.StepKind, member string) func(*findings) {
	return func(f *findings) {
		f.decision.Plan = plan.Summary{Action: kind, Member: member, Why: "it is no longer wanted"}
	}
}

var (
	slow       = problem(1, "observe the server: status 403")
	failedJoin = action(2, engine.ActionState{ID: "a", Kind: engine.StepJoin, Done: true, Error: "no route to host"})
)

func TestComplaintsAreShown(t *testing.T) {
	unready := pod(2, func(p *plan.Pod) { p.Ready = false })
	notBegun := func(f *findings) { f.moved = []complaint{{"db-0 did not begin Leave", "the server is in term 5"}} }
	asked := func(f *findings) {
		f.decision.Asks = []plan.Ask{{Member: "db-2", Step: &engine.Step{Kind: engine.StepJoin, Member: "db-2"}}}
	}
	t.Run("Degraded", func(t *testing.T) {
		expectVerdicts(t, degraded, []judged{
			{"at rest", serving(3).with(slow), isFalse, v1alpha1.ReasonFullTolerance, "without loss of service; db-1: observe the server: status 403"},
			{"unknown", serving(3).with(unknown, leaderOnly, slow), isUnknown, v1alpha1.ReasonMembersSilent, "leads; db-1: observe"},
			{"two", serving(3).with(slow, problem(0, "disk")), isFalse, v1alpha1.ReasonFullTolerance, "; db-0: disk; db-1: observe the server: status 403"},
		})
	})
	t.Run("Reconciling", func(t *testing.T) {
		expectVerdicts(t, reconciling, []judged{
			{"forming", forming(3).with(slow), isTrue, v1alpha1.ReasonForming, "db-2 has not reported yet; db-1: observe the server"},
			{"not ready", serving(3).with(unready, slow), isTrue, v1alpha1.ReasonMembersNotReady, "waiting for db-2; db-1: observe"},
			{"failed", serving(3).with(steps(engine.StepJoin, "db-2"), failedJoin), isTrue, v1alpha1.ReasonActing, "; db-2 could not carry out Join: no route to host"},
			{"failed, and asked again", serving(3).with(steps(engine.StepGrant, "db-0"), asked, failedJoin), isTrue, v1alpha1.ReasonActing, "; db-2 could not carry out Join"},
			{"of a member that is not wanted", serving(5).with(steps(engine.StepLeave, "db-4"), func(f *findings) { f.state.Wanted.Replicas = 4 },
				action(4, engine.ActionState{Kind: engine.StepLeave, Done: true, Error: "no leader"})), isTrue, v1alpha1.ReasonScaling, "; db-4 could not carry out Leave: no leader"},
			{"not begun", serving(3).with(steps(engine.StepLeave, "db-0"), notBegun), isTrue, v1alpha1.ReasonActing, "; db-0 did not begin Leave: the server is in term 5"},
		})
	})
}

// What is over, or of another step, is not held against what goes on now.
func TestWhatNoLongerMattersIsNotShown(t *testing.T) {
	for name, f := range map[string]*findings{
		"at rest":      serving(3).with(failedJoin),
		"another step": serving(3).with(steps(engine.StepLeave, "db-2"), failedJoin),
		"succeeded":    serving(3).with(steps(engine.StepJoin, "db-2"), action(2, engine.ActionState{Kind: engine.StepJoin, Done: true})),
		"runs again":   serving(3).with(steps(engine.StepJoin, "db-2"), action(2, engine.ActionState{Kind: engine.StepJoin})),
		"silent":       serving(3).with(steps(engine.StepJoin, "db-2"), silentMembers(0, 1, 2)),
	} {
		if v := reconciling(f); strings.Contains(v.message, ";") {
			t.Errorf("%s: %s", name, v.message)
		}
	}
	if v := degraded(serving(3).with(steps(engine.StepJoin, "db-2"), failedJoin)); strings.Contains(v.message, ";") {
		t.Errorf("Degraded: %s", v.message)
	}
}

// Reports are untrusted: nobody's say makes a message long, none takes another's
// place, and nothing in it moves a terminal.
func TestComplaintsAreBounded(t *testing.T) {
	hostile := "\x1b[2J\u202e\u200b\r\nowned\x00\xff " + strings.Repeat("é", 5000)
	for _, n := range []int32{1, 3, 5, 40} {
		f := serving(n).with(steps(engine.StepJoin, "db-0"))
		bare := reconciling(f).message
		for i := range n {
			f.with(problem(int(i), hostile), action(int(i), engine.ActionState{Kind: engine.StepJoin, Done: true, Error: hostile}))
		}
		got := strings.TrimPrefix(reconciling(f).message, bare)
		if len(got) > maxComplaints || len(got) < maxComplaints/2 || !utf8.ValidString(got) {
			t.Errorf("%d members: %d bytes: %q", n, len(got), got)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) || !strings.Contains(got, "[2J owned é") {
			t.Errorf("%d members: %q", n, got)
		}
	}
	f := serving(3).with(problem(0, hostile), problem(2, "the disk is full"))
	if v := degraded(f); !strings.Contains(v.message, "; db-2: the disk is full") {
		t.Errorf("one member talks another down: %s", v.message)
	}
}

// The same trouble gives the same message, so that at rest nothing is written.
func TestComplaintsAreSteady(t *testing.T) {
	for name, c := range map[string]struct{ one, other, want string }{
		"a caller's port": {
			"read tcp 127.0.0.1:43210->127.0.0.1:8500: reset", "read tcp 127.0.0.1:51234->127.0.0.1:8500: reset", "127.0.0.1:…->127.0.0.1:8500: reset",
		},
		"a time":     {"expired 2026-07-01T10:00:00.5Z, again", "expired 2026-07-02T11:30:00+02:00, again", "expired …, again"},
		"a duration": {"no answer in 1.503s", "no answer in 1m0.2s", "no answer in …"},
		"an index":   {"behind at 1234567", "behind at 1234999", "behind at …"},
	} {
		one, other := degraded(serving(3).with(problem(0, c.one))), degraded(serving(3).with(problem(0, c.other)))
		if one.message != other.message || !strings.Contains(one.message, c.want) {
			t.Errorf("%s: %q, then %q; want …%s", name, one.message, other.message, c.want)
		}
	}
	for _, kept := range []string{"status 403", "127.0.0.1:8500", "id-7", "3 of 5 votes"} {
		if v := degraded(serving(3).with(problem(0, kept))); !strings.Contains(v.message, kept) {
			t.Errorf("%q is not in %q", kept, v.message)
		}
	}
}
