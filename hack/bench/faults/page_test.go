// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"strings"
	"testing"
	"time"
)

// one are results of a single scenario.
func one(t *testing.T, name string) *results {
	t.Helper()
	r, err := choose(Options{Engine: "consul", Scenarios: []string{name}, Runs: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.scenarios) != 1 || len(r.subjects) != 2 {
		t.Fatalf("%d scenarios and %d subjects were chosen", len(r.scenarios), len(r.subjects))
	}
	r.when, r.kubernetes, r.direct = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), "1.36.3", true
	return r
}

func TestPage(t *testing.T) {
	r := one(t, "rollout")
	sc := r.scenarios[0]
	never := with(func(o *outcome) { o.whole, o.lacks = false, "consul-1 has no vote yet" })
	slow := with(func(o *outcome) {
		o.gap.Length, o.notes = 700*time.Millisecond, []string{"the operator leads again after 9 s"}
	})
	r.outcomes[key(sc, consul().tutorial)], r.outcomes[key(sc, consul().datastore)] = []outcome{never}, []outcome{slow}
	page := r.page()
	for _, want := range []string{
		"Measured 2026-01-02", "Kubernetes 1.36.3, Consul 1.22.3", "each once.",
		"| rollout of a changed template | tutorial  | 0.10", "| not back", "| rollout of a changed template | Datastore | 0.70", "| FAIL ",
		"- rollout of a changed template, tutorial: not back: consul-1 has no vote yet.",
		"- rollout of a changed template, Datastore: FAIL, gap of 0.70 s, and not ≤ 0.5 s.",
		"- rollout of a changed template, Datastore: FAIL, gap of 0.70 s where the tutorial has 0.10 s.",
		"- rollout of a changed template, Datastore: the operator leads again after 9 s.",
		"| rollout of a changed template | `rollout` | 3 ", "gap ≤ 0.5 s, at most one voter away",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page:\n%s", want, page)
		}
	}
	if strings.Contains(page, "API server, so that") {
		t.Error("the page says that calls passed through the API server")
	}
}

func TestPageBeforeTheFirstRun(t *testing.T) {
	r, err := choose(Options{Engine: "consul"})
	if err != nil {
		t.Fatal(err)
	}
	page := r.page()
	if !strings.Contains(page, "It has not been run yet") || strings.Contains(page, "FAIL") || strings.Contains(page, "pass") {
		t.Errorf("the page speaks of runs that were not:\n%s", page)
	}
	if n := strings.Count(page, "not run"); n != 2*len(consul().scenarios()) {
		t.Errorf("%d lines were not run, want all %d", n, 2*len(consul().scenarios()))
	}
}

func TestSkippedAndFailedLines(t *testing.T) {
	r := one(t, "operator-frozen")
	sc := r.scenarios[0]
	r.outcomes[key(sc, consul().tutorial)] = []outcome{{skipped: "there is no operator"}}
	r.outcomes[key(sc, consul().datastore)] = []outcome{{failed: "wait for the operation to be under way"}}
	page := r.page()
	for _, want := range []string{"skipped: there is no operator", "not measured", "FAIL, wait for the operation to be under way"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page:\n%s", want, page)
		}
	}
	if strings.Contains(page, "tutorial: not back") {
		t.Error("what was skipped is said not to be back")
	}
}

func TestChoose(t *testing.T) {
	if _, err := choose(Options{Engine: "consul", Scenarios: []string{"rolout"}}); err == nil || !strings.Contains(err.Error(), "leader-deleted") {
		t.Errorf("a scenario that is not there is taken, or the others are not named: %v", err)
	}
	if _, err := choose(Options{Engine: "consul", Only: []string{"nobody"}}); err == nil {
		t.Error("nobody is measured")
	}
	if _, err := choose(Options{Engine: "etcd"}); err == nil || !strings.Contains(err.Error(), "cassandra, consul, mongodb") {
		t.Errorf("an engine that is not there is taken: %v", err)
	}
	r, err := choose(Options{Engine: "MongoDB", Only: []string{"datastore"}, Scenarios: []string{"5-to-1", "rollout"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.subjects) != 1 || !r.subjects[0].operated() || len(r.scenarios) != 2 {
		t.Errorf("chosen are %v and %d scenarios", r.subjects, len(r.scenarios))
	}
}
