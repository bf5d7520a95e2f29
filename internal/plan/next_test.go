// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/engine/enginetest/raft"
	"github.com/quorate/quorate/internal/plan"
)

// TestNextIsPure decides twice on every state of some scenarios: the decision
// must be the same, and what was given must be as it was.
func TestNextIsPure(t *testing.T) {
	for _, name := range []string{"formation, changed midway", "three to two"} {
		sc := enginetest.Named(name)
		states := 0
		sc.Decide = func(e engine.Engine, s plan.State) plan.Decision {
			states++
			before := text(t, s)
			first, second := plan.Next(e, s), plan.Next(e, s)
			if diff := cmp.Diff(first, second); diff != "" {
				t.Fatalf("the same state is decided in two ways:\n%s", diff)
			}
			if after := text(t, s); after != before {
				t.Fatalf("the state was changed:\n%s\n%s", before, after)
			}
			return first
		}
		sc.MaxStates, sc.Sampled = 2000, true
		subject := enginetest.Subject{Engine: raft.Engine{}, Model: raft.New(raft.Report)}
		if _, breach := enginetest.Explore(sc.With(subject)); breach != nil {
			t.Error(breach)
		}
		if states < 900 { // those that look the same are decided on once
			t.Errorf("%s: only %d states were decided on", name, states)
		}
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLedgerCloneAndEqual(t *testing.T) {
	full := &plan.Ledger{
		ClusterID: "c", Epoch: 3, FormationSize: 3, Formed: true, Image: "i", ImageFor: "f",
		Discards: []plan.Discard{{Member: "db-2"}}, Recoveries: 1, Accounts: []string{"app"}, Adoption: &plan.Adoption{StatefulSet: "s"},
		Recovery: &plan.Recovery{Survivors: []string{"db-0"}, Params: map[string]string{"a": "b"}},
		Members: map[string]plan.Entry{"db-0": {
			Grant: engine.GrantForm, PodUID: "p", ClaimUID: "q", Volume: "v", ID: "id", Joined: true, Leaving: true, Lost: []string{"old"},
		}},
	}
	if clone := full.Clone(); !full.Equal(clone) {
		t.Error("a clone is not equal")
	}
	entry := func(change func(*plan.Entry)) func(*plan.Ledger) {
		return func(l *plan.Ledger) {
			e := l.Members["db-0"]
			change(&e)
			l.Members["db-0"] = e
		}
	}
	for name, change := range map[string]func(*plan.Ledger){
		"cluster":   func(l *plan.Ledger) { l.ClusterID = "d" },
		"set":       func(l *plan.Ledger) { l.SetID = "s" },
		"epoch":     func(l *plan.Ledger) { l.Epoch++ },
		"size":      func(l *plan.Ledger) { l.FormationSize++ },
		"formed":    func(l *plan.Ledger) { l.Formed = false },
		"recovery":  func(l *plan.Ledger) { l.Recovery.Told = true },
		"adoption":  func(l *plan.Ledger) { l.Adoption = nil },
		"adopted":   func(l *plan.Ledger) { l.Adoption.StatefulSet = "t" },
		"survivors": func(l *plan.Ledger) { l.Recovery.Survivors[0] = "db-1" },
		"params":    func(l *plan.Ledger) { l.Recovery.Params["a"] = "c" },
		"number":    func(l *plan.Ledger) { l.Recoveries++ },
		"discard":   func(l *plan.Ledger) { l.Discards[0].Doomed = true },
		"accounts":  func(l *plan.Ledger) { l.Accounts[0] = "other" },
		"image":     func(l *plan.Ledger) { l.Image = "" },
		"image for": func(l *plan.Ledger) { l.ImageFor = "" },
		"member":    func(l *plan.Ledger) { l.Members["db-1"] = plan.Entry{} },
		"grant":     entry(func(e *plan.Entry) { e.Grant = engine.GrantJoin }),
		"pod":       entry(func(e *plan.Entry) { e.PodUID = "" }),
		"claim":     entry(func(e *plan.Entry) { e.ClaimUID = "" }),
		"volume":    entry(func(e *plan.Entry) { e.Volume = "" }),
		"id":        entry(func(e *plan.Entry) { e.ID = "" }),
		"joined":    entry(func(e *plan.Entry) { e.Joined = false }),
		"leaving":   entry(func(e *plan.Entry) { e.Leaving = false }),
		"lost":      entry(func(e *plan.Entry) { e.Lost[0] = "other" }),
	} {
		t.Run(name, func(t *testing.T) {
			before := text(t, full)
			other := full.Clone()
			change(other)
			if full.Equal(other) || other.Equal(full) {
				t.Error("a change is not seen")
			}
			if text(t, full) != before {
				t.Error("a change of the clone reaches the original")
			}
		})
	}
	var none *plan.Ledger
	if none.Equal(full) || full.Equal(none) || !none.Equal(nil) || none.Clone() != nil {
		t.Error("a missing ledger is not told from one")
	}
}
