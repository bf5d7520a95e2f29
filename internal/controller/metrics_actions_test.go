// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// asked is a pass that asks the agent of a member for a step.
func asked(s engine.Step) func(*findings) {
	return func(f *findings) {
		f.decision.Plan = plan.Summary{Action: s.Kind, Member: s.About(), Why: s.Why}
		f.decision.Asks = []plan.Ask{{Member: s.Member, PodUID: f.member(s.Member).Pod.UID, Step: &s}}
	}
}

// says has the agent of the first member tell how far a step has come.
func says(s engine.Step, done bool, problem string) func(*findings) {
	return func(f *findings) {
		id := actionID(plan.Ask{Member: s.Member, PodUID: "p0", Step: &s})
		f.state.Members[0].Report.Action = &engine.ActionState{ID: id, Kind: s.Kind, Done: done, Error: problem}
	}
}

func entry(name string, change func(*plan.Entry)) func(*findings) {
	return func(f *findings) {
		e := f.decision.Ledger.Members[name]
		change(&e)
		f.decision.Ledger.Members[name] = e
	}
}

func struckOff(name string) func(*findings) {
	return func(f *findings) { delete(f.decision.Ledger.Members, name) }
}

func leaving(e *plan.Entry) { e.Leaving = true }
func joining(e *plan.Entry) { e.Joined = false }

// deedOf is what the first ask of findings is for.
func deedOf(f *findings) []deed {
	if len(f.decision.Asks) == 0 {
		return nil
	}
	return []deed{f.actionOf(f.decision.Asks[0])}
}

// tale follows passes, a second apart, and returns what each of them tells.
func tale(passes []*findings, own ...[]deed) []string {
	var a actions
	out := make([]string, 0, len(passes))
	at := newClock()
	for i, f := range passes {
		begun := deedOf(f)
		if i < len(own) {
			begun = own[i]
		}
		var told []string
		for _, n := range a.follow(f, begun, at.now()) {
			told = append(told, fmt.Sprintf("%s %s %s %d", n.kind, n.member, n.outcome, int(n.after.Seconds())))
		}
		out = append(out, strings.Join(told, ", "))
		at.after(time.Second)
	}
	return out
}

func TestAnActionIsToldOnceAndItsEndOnce(t *testing.T) {
	leave := engine.Step{Kind: engine.StepLeave, Member: "db-3", SubjectID: "id-3", Why: "not wanted"}
	stepDown := engine.Step{Kind: engine.StepStepDown, Member: "db-0", Term: 3}
	evict := engine.Step{Kind: engine.StepEvictDead, Member: "db-0", Subject: "db-2", SubjectID: "dead"}
	reload := engine.Step{Kind: engine.StepReload, Member: "db-0", Params: map[string]string{"a": "b"}}
	grant := func(f *findings) {
		f.decision.Plan = plan.Summary{Action: engine.StepGrant, Member: "db-3", Why: "it waits to join"}
		f.decision.Asks = []plan.Ask{{Member: "db-3", PodUID: "p3", Grant: &engine.Grant{Kind: engine.GrantJoin, PodUID: "p3"}}}
	}
	dead := func(f *findings) {
		f.decision.Assessment.Peers = append(f.decision.Assessment.Peers, engine.Peer{ID: "dead", Name: "db-2"})
	}
	for name, c := range map[string]struct {
		passes []*findings
		want   []string
	}{
		"at rest": {[]*findings{serving(3), serving(3), serving(3)}, []string{"", "", ""}},
		"a grant, until the member has its vote": {
			[]*findings{
				serving(4).with(grant, entry("db-3", joining)), serving(4).with(grant, entry("db-3", joining)),
				serving(4).with(entry("db-3", joining)), serving(4), serving(4),
			},
			[]string{"Grant db-3 begun 0", "", "", "Grant db-3 done 3", ""},
		},
		"a grant that is taken back": {
			[]*findings{serving(4).with(grant, entry("db-3", joining)), serving(4).with(entry("db-3", joining), entry("db-3", leaving))},
			[]string{"Grant db-3 begun 0", "Grant db-3 dropped 1"},
		},
		"a leave, until the ledger strikes it off": {
			[]*findings{
				serving(4).with(asked(leave), entry("db-3", leaving)), serving(4).with(asked(leave), entry("db-3", leaving)),
				serving(4).with(unknown, entry("db-3", leaving)), serving(3).with(struckOff("db-3")),
			},
			[]string{"Leave db-3 begun 0", "", "", "Leave db-3 done 3"},
		},
		"a step down, until another leads": {
			[]*findings{
				serving(3).with(asked(stepDown)), serving(3).with(unknown),
				serving(3).with(func(f *findings) { f.decision.Assessment.Leader = "db-1" }),
			},
			[]string{"StepDown db-0 begun 0", "", "StepDown db-0 done 2"},
		},
		"a step down that nobody wants any more": {
			[]*findings{serving(3).with(asked(stepDown)), serving(3)},
			[]string{"StepDown db-0 begun 0", "StepDown db-0 dropped 1"},
		},
		"an eviction, though the membership cannot be read for a while": {
			[]*findings{serving(3).with(dead, asked(evict)), serving(3).with(unknown), serving(3).with(dead, asked(evict)), serving(3)},
			[]string{"EvictDead db-2 begun 0", "", "", "EvictDead db-2 done 3"},
		},
		"an eviction that nobody wants any more": {
			[]*findings{serving(3).with(dead, asked(evict)), serving(3).with(dead)},
			[]string{"EvictDead db-2 begun 0", "EvictDead db-2 dropped 1"},
		},
		"a reload, by the agent's word once it is not asked for": {
			[]*findings{
				serving(3).with(asked(reload)), serving(3).with(asked(reload), says(reload, true, "")),
				serving(3).with(says(reload, false, "")), serving(3).with(silentMembers(0)), serving(3).with(says(reload, true, "")),
			},
			[]string{"Reload db-0 begun 0", "", "", "", "Reload db-0 done 4"},
		},
		"a reload whose pod goes": {
			[]*findings{serving(3).with(asked(reload)), serving(3).with(noPod(0))},
			[]string{"Reload db-0 begun 0", "Reload db-0 dropped 1"},
		},
		"a reload that fails again and again is told once, and then that it was done": {
			[]*findings{
				serving(3).with(asked(reload)), serving(3).with(asked(reload), says(reload, true, "no")), serving(3).with(asked(reload), says(reload, true, "no")),
				serving(3).with(asked(reload), says(reload, false, "")), serving(3).with(says(reload, true, "")),
			},
			[]string{"Reload db-0 begun 0", "Reload db-0 failed 1", "", "", "Reload db-0 done 4"},
		},
		"two at once": {
			[]*findings{serving(4).with(grant, entry("db-3", joining), both(stepDown)), serving(4)},
			[]string{"Grant db-3 begun 0, StepDown db-0 begun 0", "Grant db-3 done 1, StepDown db-0 dropped 1"},
		},
		"the ledger is gone": {
			[]*findings{serving(3).with(asked(reload)), serving(3).with(func(f *findings) { f.decision.Ledger = nil })},
			[]string{"Reload db-0 begun 0", ""},
		},
	} {
		var own [][]deed
		if name == "two at once" {
			first := c.passes[0]
			own = [][]deed{{first.actionOf(first.decision.Asks[0]), first.actionOf(first.decision.Asks[1])}}
		}
		if diff := cmp.Diff(c.want, tale(c.passes, own...)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// both asks for a step beside what is asked for already.
func both(s engine.Step) func(*findings) {
	return func(f *findings) {
		f.decision.Asks = append(f.decision.Asks, plan.Ask{Member: s.Member, PodUID: f.member(s.Member).Pod.UID, Step: &s})
	}
}

// What the core does itself ends when the API server and the agents show it.
func TestActionsOfTheCore(t *testing.T) {
	renewed := func(uid string, ready bool) func(*findings) {
		return pod(1, func(p *plan.Pod) { p.UID, p.Ready = uid, ready })
	}
	replacing := func(f *findings) { f.decision.Replace = []plan.PodRef{{Name: "db-1", UID: f.state.Members[1].Pod.UID}} }
	image := func(image string, settled bool) func(*findings) {
		return func(f *findings) {
			f.state.Wanted.Agent = "new"
			f.state.Members[1].Pod.Agent, f.state.Members[1].Pod.AgentSettled = image, settled
		}
	}
	replace := deed{kind: engine.StepReplacePod, member: "db-1", of: "p1"}
	upgrade := deed{kind: engine.StepUpgradeAgent, member: "db-1", of: "p1"}
	discard := deed{kind: actionDiscardVolume, member: "db-1", of: "c1"}
	for name, c := range map[string]struct {
		begun  deed
		passes []*findings
		want   []string
	}{
		"a replaced pod serves again": {
			replace, []*findings{serving(3).with(replacing), serving(3), serving(3).with(noPod(1)), serving(3).with(renewed("q", false)), serving(3).with(renewed("q", true))},
			[]string{"ReplacePod db-1 begun 0", "", "", "", "ReplacePod db-1 done 4"},
		},
		"a replaced pod has not its vote back": {
			replace, []*findings{serving(3).with(replacing), serving(3).with(renewed("q", true), peer(1, func(p *engine.Peer) { p.Voter = false }))},
			[]string{"ReplacePod db-1 begun 0", ""},
		},
		"a replaced pod is replaced again": {
			replace, []*findings{serving(3).with(replacing), serving(3).with(renewed("q", false), replacing)},
			[]string{"ReplacePod db-1 begun 0", "ReplacePod db-1 dropped 1"},
		},
		"a replaced pod is not wanted any more": {
			replace, []*findings{serving(3).with(replacing), serving(3).with(func(f *findings) { f.state.Wanted.Replicas = 1 })},
			[]string{"ReplacePod db-1 begun 0", "ReplacePod db-1 dropped 1"},
		},
		"an agent that reports with its new image": {
			upgrade, []*findings{serving(3).with(image("old", true)), serving(3).with(image("new", false)), serving(3).with(image("new", true), silentMembers(1)), serving(3).with(image("new", true))},
			[]string{"UpgradeAgent db-1 begun 0", "", "", "UpgradeAgent db-1 done 3"},
		},
		"an agent whose pod is another": {
			upgrade, []*findings{serving(3).with(image("old", true)), serving(3).with(image("new", true), renewed("q", true))},
			[]string{"UpgradeAgent db-1 begun 0", "UpgradeAgent db-1 dropped 1"},
		},
		"a claim that has gone": {
			discard, []*findings{serving(3), serving(3), serving(3).with(func(f *findings) { f.state.Members[1].Claim = nil })},
			[]string{"DiscardVolume db-1 begun 0", "", "DiscardVolume db-1 done 2"},
		},
	} {
		if diff := cmp.Diff(c.want, tale(c.passes, []deed{c.begun})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The next pod of a member that is to go is another action, and the same one
// that is deleted again is not.
func TestAnotherPodIsAnotherAction(t *testing.T) {
	first, second := deed{kind: engine.StepReplacePod, member: "db-1", of: "p1"}, deed{kind: engine.StepReplacePod, member: "db-1", of: "q"}
	got := tale([]*findings{serving(3).with(noPod(1)), serving(3).with(noPod(1)), serving(3).with(noPod(1))}, []deed{first}, []deed{first}, []deed{second})
	if diff := cmp.Diff([]string{"ReplacePod db-1 begun 0", "", "ReplacePod db-1 begun 0"}, got); diff != "" {
		t.Error(diff)
	}
}

// Why it is done is the plan's word, where the plan is about it.
func TestWhyOfAnAction(t *testing.T) {
	f := serving(3).with(planned(plan.Summary{Action: engine.StepReplacePod, Member: "db-1", Why: "db-1: it has not the wanted template yet"}))
	if a := f.actionOn(engine.StepReplacePod, "db-1", "p1", "stuck"); a.why != "db-1: it has not the wanted template yet" {
		t.Error(a.why)
	}
	if a := f.actionOn(engine.StepReplacePod, "db-2", "p2", "it could not start"); a.why != "it could not start" {
		t.Error(a.why)
	}
	form := plan.Ask{Member: "db-0", PodUID: "p0", Grant: &engine.Grant{Kind: engine.GrantForm, PodUID: "p0"}}
	if a := serving(3).with(planned(plan.Summary{Action: engine.StepGrant, Why: "form the set of 3"})).actionOf(form); a.why != "form the set of 3" || a.member != "db-0" {
		t.Errorf("%+v", a)
	}
}

func TestEventsOfActions(t *testing.T) {
	a := deed{kind: engine.StepLeave, member: "db-4", why: "db-4 is not wanted any more"}
	for _, c := range []struct {
		news             news
		kind, verb, note string
	}{
		{news{deed: a, outcome: outcomeBegun}, corev1.EventTypeNormal, verbBegin, "Leave of db-4: db-4 is not wanted any more"},
		{news{deed: a, outcome: outcomeDone, after: 3240 * time.Millisecond}, corev1.EventTypeNormal, verbEnd, "Leave of db-4: done after 3.2s"},
		{news{deed: a, outcome: outcomeDropped, after: time.Minute}, corev1.EventTypeNormal, verbDrop, "Leave of db-4: not asked for any more, after 1m0s"},
		{news{deed: a, outcome: outcomeFailed, problem: "no\nleader"}, corev1.EventTypeWarning, verbFail, "Leave of db-4: could not be carried out and is tried again: no leader"},
	} {
		kind, verb, note := c.news.event()
		if kind != c.kind || verb != c.verb || note != c.note {
			t.Errorf("%s: %s %s %q", c.news.outcome, kind, verb, note)
		}
	}
	if _, _, note := (news{deed: a, outcome: outcomeFailed, problem: strings.Repeat("long ", 1000)}).event(); len(note) > mostNote {
		t.Errorf("%d bytes", len(note))
	}
}

// The outcome of each goes into the histogram, and its beginning does not.
func TestDurationsOfActions(t *testing.T) {
	at := newClock()
	m := NewMetrics(at.now)
	m.take(db, serving(4).with(entry("db-3", leaving)), []deed{{kind: engine.StepLeave, member: "db-3"}}, false)
	at.after(3 * time.Second)
	told(t, m, "quorate_action_duration_seconds", "")
	m.take(db, serving(3), nil, false)
	told(t, m, "quorate_action_duration_seconds", `
# HELP quorate_action_duration_seconds Time from when an action was asked for until its outcome was seen.
# TYPE quorate_action_duration_seconds histogram
quorate_action_duration_seconds_bucket{action="Leave",outcome="done",le="0.5"} 0
quorate_action_duration_seconds_bucket{action="Leave",outcome="done",le="1"} 0
quorate_action_duration_seconds_bucket{action="Leave",outcome="done",le="2"} 0
quorate_action_duration_seconds_bucket{action="Leave",outcome="done",le="5"} 1
quorate_action_duration_seconds_bucket{action="Leave",outcome="done",le="10"} 1
quorate_action_duration_seconds_bucket{action="Leave",outcome="done",le="20"} 1
quorate_action_duration_seconds_bucket{action="Leave",outcome="done",le="30"} 1
quorate_action_duration_seconds_bucket{action="Leave",outcome="done",le="60"} 1
quorate_action_duration_seconds_bucket{action="Leave",outcome="done",le="120"} 1
quorate_action_duration_seconds_bucket{action="Leave",outcome="done",le="300"} 1
quorate_action_duration_seconds_bucket{action="Leave",outcome="done",le="600"} 1
quorate_action_duration_seconds_bucket{action="Leave",outcome="done",le="1800"} 1
quorate_action_duration_seconds_bucket{action="Leave",outcome="done",le="+Inf"} 1
quorate_action_duration_seconds_sum{action="Leave",outcome="done"} 3
quorate_action_duration_seconds_count{action="Leave",outcome="done"} 1
`)
}
