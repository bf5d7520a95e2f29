// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/plan"
)

// keeper is an engine whose leader keeps accounts.
type keeper struct{ consul.Engine }

func (keeper) Accounts(*v1alpha1.Datastore) []engine.Account { return nil }

func (k keeper) AccountStep(have engine.Observation) (engine.Step, bool) {
	a := k.Assess(have)
	return engine.Step{Member: a.Leader, Term: a.Term, Secrets: []string{"management"}}, a.Known
}

func (keeper) AccountConnection(*v1alpha1.Datastore, string, engine.Account, string) engine.Connection {
	return engine.Connection{}
}

// withAccounts is the set of threeServers, whose leader tells of a revision.
func withAccounts(a *plan.Accounts, told *engine.AccountState, remembered ...string) plan.State {
	s := threeServers()
	s.Epoch, s.Accounts, s.Ledger.Accounts = s.Ledger.Epoch, a, remembered
	s.Members[0].Report.Server.Accounts = told
	return s
}

func accountsAsked(d plan.Decision) *engine.Step {
	for _, a := range d.Asks {
		if a.Step != nil && a.Step.Kind == engine.StepAccounts {
			return a.Step
		}
	}
	return nil
}

// TestAccountsAreBroughtAbout holds when the leader is asked, and what is remembered
// then.
func TestAccountsAreBroughtAbout(t *testing.T) {
	two := []engine.Account{{Name: "app"}, {Name: "mute"}}
	want := func(change func(*plan.Accounts)) *plan.Accounts {
		a := &plan.Accounts{Revision: "r2", Wanted: two, Known: []string{"app"}}
		if change != nil {
			change(a)
		}
		return a
	}
	for what, tt := range map[string]struct {
		state plan.State
		asked bool
		names []string // that are remembered then
		empty []string
	}{
		"none are kept":             {withAccounts(nil, nil), false, nil, nil},
		"none were ever wanted":     {withAccounts(&plan.Accounts{Revision: "r1"}, nil), false, nil, nil},
		"nobody has told of any":    {withAccounts(want(nil), nil), true, []string{"app"}, nil},
		"others are told of":        {withAccounts(want(nil), &engine.AccountState{Revision: "r1"}, "app"), true, []string{"app"}, nil},
		"they are as wanted":        {withAccounts(want(nil), &engine.AccountState{Revision: "r2"}, "app"), false, []string{"app"}, nil},
		"a password is to be made":  {withAccounts(want(func(a *plan.Accounts) { a.Pending = true }), nil), false, nil, nil},
		"one is not wanted":         {withAccounts(want(nil), &engine.AccountState{Revision: "r1"}, "app", "gone"), true, []string{"app", "gone"}, nil},
		"it is gone":                {withAccounts(want(nil), &engine.AccountState{Revision: "r2"}, "app", "gone"), false, []string{"app", "gone"}, []string{"gone"}},
		"its Secret holds nothing":  {withAccounts(want(func(a *plan.Accounts) { a.Bare = []string{"gone"} }), &engine.AccountState{Revision: "r2"}, "app", "gone"), false, []string{"app"}, nil},
		"holds nothing, yet is not": {withAccounts(want(func(a *plan.Accounts) { a.Bare = []string{"gone"} }), nil, "app", "gone"), true, []string{"app", "gone"}, nil},
		"the last one is to go":     {withAccounts(&plan.Accounts{Revision: "r3"}, &engine.AccountState{Revision: "r2"}, "app"), true, []string{"app"}, nil},
		"who does not lead tells": {func() plan.State {
			s := withAccounts(want(nil), nil)
			s.Members[1].Report.Server.Accounts = &engine.AccountState{Revision: "r2"}
			return s
		}(), true, []string{"app"}, nil},
	} {
		d := plan.Next(keeper{}, tt.state)
		s := accountsAsked(d)
		if (s != nil) != tt.asked || cmp.Diff(tt.names, d.Ledger.Accounts) != "" || cmp.Diff(tt.empty, d.EmptyAccounts) != "" {
			t.Errorf("%s: asked %v, remembered %q, emptied %q (plan %+v)", what, s != nil, d.Ledger.Accounts, d.EmptyAccounts, d.Plan)
		}
		if s != nil && (s.Member != "db-0" || s.Term == 0 || s.Cost.Disruptive() || s.Accounts.Revision != tt.state.Accounts.Revision || s.Secrets[0] != "management") {
			t.Errorf("%s: the step is %+v", what, s)
		}
	}
	s := accountsAsked(plan.Next(keeper{}, withAccounts(want(nil), nil)))
	if diff := cmp.Diff([]string{"management", engine.AccountKey("app")}, s.Secrets); diff != "" {
		t.Errorf("it travels with\n%s", diff)
	}
	stopped := withAccounts(want(nil), nil)
	stopped.Wanted.Stopped = true
	if accountsAsked(plan.Next(keeper{}, stopped)) != nil {
		t.Error("a set that shall stop was asked")
	}
}

// TestAccountsThatAreRefused are told of, each with the reason.
func TestAccountsThatAreRefused(t *testing.T) {
	a := &plan.Accounts{Revision: "r2", Wanted: []engine.Account{{Name: "app"}, {Name: "odd"}}, Problems: map[string]string{"app": "its Secret is missing"}}
	told := &engine.AccountState{Revision: "r2", Refused: map[string]string{"odd": "no such role" + strings.Repeat("!", 1000), "app": "no password", "other": "x"}}
	d := plan.Next(keeper{}, withAccounts(a, told))
	if s := d.Stalled; s == nil || s.Reason != v1alpha1.ReasonAccountsRefused || !strings.HasPrefix(s.Message, "app: its Secret is missing; odd: no such role!") || len(s.Message) > 400 {
		t.Errorf("the user is told %+v", d.Stalled)
	}
	// It is tried again, and told of meanwhile.
	told.Again = true
	if d = plan.Next(keeper{}, withAccounts(a, told)); accountsAsked(d) == nil || d.Stalled == nil || !strings.Contains(d.Stalled.Message, "odd") {
		t.Errorf("tried again: asked %v, the user is told %+v", accountsAsked(d) != nil, d.Stalled)
	}
	told.Again = false
	if accountsAsked(plan.Next(keeper{}, withAccounts(a, told))) != nil {
		t.Error("what was just refused is tried again")
	}
	// What is told of another revision is not of these.
	told.Revision = "r1"
	d = plan.Next(keeper{}, withAccounts(a, told))
	if s := d.Stalled; s == nil || strings.Contains(s.Message, "odd") {
		t.Errorf("the user is told %+v", d.Stalled)
	}
	a.Problems = nil
	if d = plan.Next(keeper{}, withAccounts(a, told)); d.Stalled != nil {
		t.Errorf("the user is told %+v", d.Stalled)
	}
	// Nothing else waits for it.
	told.Revision = "r2"
	s := withAccounts(a, told)
	s.Members[2].Report.Server.View, s.Wanted.Files = nil, map[string]string{"f": "new"}
	s.Members[2].Report.Server.Settings = "old"
	if d = plan.Next(keeper{}, s); !slices.ContainsFunc(d.Asks, func(a plan.Ask) bool { return a.Kind() == engine.StepReload }) {
		t.Errorf("a reload waits: %+v", d.Plan)
	}
}
