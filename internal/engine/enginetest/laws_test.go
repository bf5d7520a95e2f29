// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/agent/gate"
	"github.com/quorate/quorate/internal/agent/mounts"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/engine/enginetest/document"
	"github.com/quorate/quorate/internal/engine/enginetest/raft"
	"github.com/quorate/quorate/internal/engine/enginetest/ring"
	"github.com/quorate/quorate/internal/plan"
)

var (
	raftSet     = enginetest.Subject{Engine: raft.Engine{}, Model: raft.New(raft.Report)}
	recklessSet = enginetest.Subject{Engine: raft.Reckless{}, Model: raft.New(raft.Report)}
	documentSet = enginetest.Subject{Engine: document.Engine{}, Model: document.New()}
	ringSet     = enginetest.Subject{Engine: ring.Engine{}, Model: ring.New()}
	markingSet  = enginetest.Subject{Engine: marking{}, Model: ring.New()}
	waitingSet  = enginetest.Subject{Engine: raft.Engine{}, Model: waiting{raft.New(raft.Report)}}
)

// marking is the engine of a ring that does not say that who leaves moves its data.
type marking struct{ ring.Engine }

func (marking) Traits() engine.Traits {
	t := ring.Engine{}.Traits()
	t.LeaveMovesData = false
	return t
}

// waiting are servers that elect nobody once they have formed a set: they wait to be
// told who leads.
type waiting struct{ enginetest.Model }

func (m waiting) Clone() enginetest.Model { return waiting{m.Model.Clone()} }

func (m waiting) Moves() []enginetest.Move {
	before := m.Truth()
	return slices.DeleteFunc(m.Model.Moves(), func(mv enginetest.Move) bool {
		after := m.Model.Clone()
		after.Move(mv)
		return before.Formations > 0 && !before.Serving && after.Truth().Serving
	})
}

// attended is the gate of an agent that lets no server start without a manager's word,
// whatever is on its volume.
func attended(engine.VolumeState) gate.Decision {
	return gate.Decision{Waits: "nobody has asked for it"}
}

// planner is what a scenario decides with.
type planner = func(engine.Engine, plan.State) plan.Decision

// without is the planner with one guard left out.
func without(t *testing.T, name string) planner {
	t.Helper()
	guards := slices.DeleteFunc(slices.Clone(plan.Guards), func(g plan.Guard) bool { return g.Name == name })
	if len(guards) != len(plan.Guards)-1 {
		t.Fatalf("there is no guard %s", name)
	}
	return plan.Planner{Guards: guards}.Next
}

// onLedger is the planner, whose ledger is changed before and after.
func onLedger(change func(s plan.State, l *plan.Ledger)) planner {
	return func(e engine.Engine, s plan.State) plan.Decision {
		if s.Ledger != nil {
			s.Ledger = s.Ledger.Clone()
			change(s, s.Ledger)
		}
		d := plan.Next(e, s)
		if d.Ledger != nil {
			change(s, d.Ledger)
		}
		return d
	}
}

// forgetFormed forgets that the set has formed.
func forgetFormed(_ plan.State, l *plan.Ledger) { l.Formed = false }

// forgetLosses takes any claim for the one that a grant was for.
func forgetLosses(s plan.State, l *plan.Ledger) {
	for _, m := range s.Members {
		if e, known := l.Members[m.Name]; known && m.Claim != nil {
			e.ClaimUID = m.Claim.UID
			l.Members[m.Name] = e
		}
	}
}

// forgetLeaves forgets that a leave was begun.
func forgetLeaves(_ plan.State, l *plan.Ledger) {
	for name, e := range l.Members {
		e.Leaving = false
		l.Members[name] = e
	}
}

// forgetReplacements forgets that the replacement of a pod was begun.
func forgetReplacements(_ plan.State, l *plan.Ledger) {
	for name, e := range l.Members {
		e.Replacing = ""
		l.Members[name] = e
	}
}

// eager is the planner, but for a size that is written at once.
func eager(e engine.Engine, s plan.State) plan.Decision {
	d := plan.Next(e, s)
	d.Shape.Replicas = s.Wanted.Replicas
	return d
}

// elsewhere is the planner, but for grants that are for the claim of another.
func elsewhere(e engine.Engine, s plan.State) plan.Decision {
	d := plan.Next(e, s)
	for i, a := range d.Asks {
		if a.Grant == nil {
			continue
		}
		g, entry := *a.Grant, d.Ledger.Members[a.Member]
		g.ClaimUID, entry.ClaimUID = "another", "another"
		d.Asks[i].Grant, d.Ledger.Members[a.Member] = &g, entry
	}
	return d
}

// generous is the planner, but for evictions that are let pass at any time.
func generous(e engine.Engine, s plan.State) plan.Decision {
	d := plan.Next(e, s)
	if d.Budget != nil {
		d.Budget.Max = 1
	}
	return d
}

// plenty is the planner, but for evictions of two at once.
func plenty(e engine.Engine, s plan.State) plan.Decision {
	d := plan.Next(e, s)
	if d.Budget != nil && d.Budget.Max > 0 {
		d.Budget.Max = 2
	}
	return d
}

// greedy is the planner, but for a second leave beside the first.
func greedy(e engine.Engine, s plan.State) plan.Decision {
	d := plan.Next(e, s)
	for _, a := range slices.Clone(d.Asks) {
		if a.Step != nil && a.Step.Cost.Disruptive() {
			d.Asks = append(d.Asks, a)
		}
	}
	return d
}

// crowding is the planner, but for a member that is let join whoever else does.
func crowding(e engine.Engine, s plan.State) plan.Decision {
	d := plan.Next(e, s)
	if d.Plan.Action != engine.StepGrant || d.Plan.BlockedBy != plan.GuardOneAtATime {
		return d
	}
	for _, m := range s.Members {
		if m.Name == d.Plan.Member {
			d.Ledger.Members[m.Name] = plan.Entry{Grant: engine.GrantJoin, PodUID: m.Pod.UID, ClaimUID: m.Claim.UID}
			g := engine.Grant{Kind: engine.GrantJoin, ClusterID: d.Ledger.ClusterID, PodUID: m.Pod.UID, ClaimUID: m.Claim.UID}
			d.Asks = append(d.Asks, plan.Ask{Member: m.Name, PodUID: m.Pod.UID, Grant: &g})
		}
	}
	return d
}

// forgetRotation forgets that the rotation of a key is under way.
func forgetRotation(_ plan.State, l *plan.Ledger) { l.Rotation = nil }

// forgetRequest forgets which request was carried out.
func forgetRequest(_ plan.State, l *plan.Ledger) { l.Rotated = "" }

// inPlaceOf is the planner, but for one phase of a rotation in another's place.
func inPlaceOf(due, instead engine.KeyPhase) planner {
	return func(e engine.Engine, s plan.State) plan.Decision {
		d := plan.Next(e, s)
		for _, a := range d.Asks {
			if a.Step != nil && a.Step.Key != nil && a.Step.Key.Phase == due {
				a.Step.Key.Phase = instead
			}
		}
		return d
	}
}

// promoting is the planner, but for a password that takes the present one's place where
// the servers are to take it.
func promoting(e engine.Engine, s plan.State) plan.Decision {
	d := plan.Next(e, s)
	for _, a := range d.Asks {
		if a.Step != nil && a.Step.Key != nil && a.Step.Key.Phase == engine.KeyUse {
			d.WriteKey, d.KeyOf = engine.KeyPromote, d.Ledger.Rotation.Credential
			d.Ledger.Rotation.Promoted = true
		}
	}
	return d
}

// reticent is the planner, but for a password that the servers take and nobody is told of.
func reticent(e engine.Engine, s plan.State) plan.Decision {
	d := plan.Next(e, s)
	if d.WriteKey == engine.KeyPromote {
		d.WriteKey, d.KeyOf = "", ""
	}
	return d
}

// trusting is the planner, but for agents that are taken to have mounted what the Secret has.
func trusting(e engine.Engine, s plan.State) plan.Decision {
	s.Members = slices.Clone(s.Members)
	for i, m := range s.Members {
		if m.Report == nil {
			continue
		}
		r := *m.Report
		r.Mounts = map[string]string{}
		for key, k := range s.Passwords {
			r.Mounts[mounts.Key(mounts.Member, key)] = k.Current
			if k.Next != "" {
				r.Mounts[mounts.Key(mounts.Member, engine.NextKey(key))] = k.Next
			}
		}
		s.Members[i].Report = &r
	}
	return plan.Next(e, s)
}

// restless is the planner, but for a ledger that is written in every pass.
func restless(e engine.Engine, s plan.State) plan.Decision {
	d := plan.Next(e, s)
	if d.Ledger != nil && d.Ledger.Formed {
		d.Ledger.Epoch++
	}
	return d
}

// TestEachLawIsChecked breaks the laws on purpose, one by one, and fails where
// the simulation does not notice.
func TestEachLawIsChecked(t *testing.T) {
	decide := func(p planner) func(*enginetest.Scenario) {
		return func(sc *enginetest.Scenario) { sc.Decide = p }
	}
	safely := func(mutate func(*enginetest.Scenario)) func(*enginetest.Scenario) {
		return func(sc *enginetest.Scenario) {
			sc.SafetyOnly = true
			mutate(sc)
		}
	}
	guard := func(name string) func(*enginetest.Scenario) { return decide(without(t, name)) }
	for _, tt := range []struct {
		breaks   string
		subject  enginetest.Subject
		scenario string
		mutate   func(*enginetest.Scenario)
		law      string
	}{
		{"a volume is marked before what is on it has moved", markingSet, "three to two", safely(func(*enginetest.Scenario) {}), "a row that was acknowledged"},
		{"no membership-known", raftSet, "lies", guard(plan.GuardMembershipKnown), "law 2"},
		{"no set-serves", ringSet, "five to three and back", guard(plan.GuardSetServes), "law 5"},
		{"no agent-present", recklessSet, "losses", guard(plan.GuardAgentPresent), "panicked"},
		{"no one-at-a-time", raftSet, "three to five", guard(plan.GuardOneAtATime), "law 3"},
		{"no identity", recklessSet, "losses", safely(guard(plan.GuardIdentity)), "law 2"},
		{"no unwanted", recklessSet, "losses", guard(plan.GuardUnwanted), "law 2"},
		{"no predecessor-gone", documentSet, "losses", safely(guard(plan.GuardPredecessor)), "law 5"},
		{"no nobody-silent", recklessSet, "lies", safely(guard(plan.GuardNobodySilent)), "law 2"},
		{"no members-settled", raftSet, "made anew over its claims", guard(plan.GuardMembersSettled), "law 5"},
		{"no quorum-after", raftSet, "three to two", guard(plan.GuardQuorumAfter), "law 5"},
		{"no nobody-silent in a rollout", recklessSet, "rollout, losses", safely(guard(plan.GuardNobodySilent)), "law 2"},
		{"no budget-closed", raftSet, "rollout and evictions", guard(plan.GuardBudget), "law 3"},
		{"the budget is written whatever it is", raftSet, "evictions, another manager", func(sc *enginetest.Scenario) { sc.Executor.UncheckedBudget = true }, "law 3"},
		{"replacements are not written down", raftSet, "rollout", decide(onLedger(forgetReplacements)), "law 5"},
		{"formed is forgotten", raftSet, "losses", decide(onLedger(forgetFormed)), "law 1"},
		{"lost volumes are forgotten", raftSet, "formation, crashes and losses", safely(decide(onLedger(forgetLosses))), "law 2"},
		{"leaves are forgotten", raftSet, "five to three and back", decide(onLedger(forgetLeaves)), "law 8"},
		{"claims are deleted at once", raftSet, "five to three and back, claims deleted", decide(hasty), "law 6"},
		{"doomed claims are forgotten", raftSet, "claims deleted, another manager", safely(decide(onLedger(forgetDooms))), "law 6"},
		{"recovered without a word", raftSet, "losses", safely(decide(agreeing)), "law 5"},
		{"survivors are told at once", raftSet, "majority on nodes that are lost", safely(decide(onLedger(forgetTold))), "ledger before recovery"},
		{"given up without a word", raftSet, "all data lost, given up", safely(decide(resigned)), "law 1"},
		{"lost members are replaced unasked", raftSet, "nodes lost, the user asked", safely(decide(unasked)), "law 6"},
		{"the size is written at once", raftSet, "three to two", decide(eager), "law 4"},
		{"whoever waits is let join, though another is not in yet", raftSet, "three to five", decide(crowding), "law 3"},
		{"whoever waits is let join, though more would need a larger quorum", raftSet, "two to four", decide(crowding), "law 3"},
		{"two leave at once", raftSet, "five to three and back", decide(greedy), "law 3"},
		{"the ledger is written at rest", raftSet, "losses", decide(restless), "come to rest"},
		{"the ledger is written last", raftSet, "formation, crashes and losses", func(sc *enginetest.Scenario) { sc.Executor.LedgerLate = true }, "ledger before grant"},
		{"agents disregard the epoch", raftSet, "another manager, changed", func(sc *enginetest.Scenario) { sc.Executor.Unfenced = true }, "ledger before grant"},
		{"the StatefulSet is written whatever it is", raftSet, "another manager, changed", func(sc *enginetest.Scenario) { sc.Executor.UncheckedSet = true }, "law 4"},
		{"the StatefulSet does not bear the epoch", raftSet, "another manager, changed", func(sc *enginetest.Scenario) { sc.Executor.UnmarkedSet = true }, "law 4"},
		{"pods are deleted whatever they are", raftSet, "formation, bad templates", func(sc *enginetest.Scenario) { sc.Executor.UncheckedPods = true }, "law 5"},
		{"no keys-known", raftSet, "key rotated, losses", safely(guard(plan.GuardKeysKnown)), "law 7"},
		{"no key-mounted", raftSet, "key rotated before one joins that has mounted the former", safely(guard(plan.GuardKeyMounted)), "law 7"},
		{"a key is used before everybody has it", raftSet, "key rotated", safely(decide(inPlaceOf(engine.KeyAdd, engine.KeyUse))), "law 7"},
		{"a key goes before everybody uses another", raftSet, "key rotated", safely(decide(inPlaceOf(engine.KeyUse, engine.KeyRemove))), "law 7"},
		{"a rotation is not written down", raftSet, "key rotated", safely(decide(onLedger(forgetRotation))), "ledger before Secret"},
		{"a request is forgotten", raftSet, "key rotated", decide(onLedger(forgetRequest)), "come to rest"},
		{"the Secret is written whatever it is", raftSet, "key rotated, another manager", func(sc *enginetest.Scenario) { sc.Executor.UncheckedSecret = true }, "ledger before Secret"},
		{"the former key is forgotten at once", raftSet, "key rotated, another manager, losses", func(sc *enginetest.Scenario) { sc.Executor.ForgetAtOnce = true }, "law 7"},
		{"no keys-known, of a password", raftSet, "agents' password rotated, losses", safely(guard(plan.GuardKeysKnown)), "law 7"},
		{"no key-mounted, of a password", raftSet, "agents' password rotated before one joins that has mounted the former", safely(guard(plan.GuardKeyMounted)), "law 7"},
		{"a password is used before all agents have it", raftSet, "agents' password rotated", safely(decide(trusting)), "law 7"},
		{"the former password is forgotten before the servers take another", raftSet, "agents' password rotated", safely(decide(promoting)), "law 7"},
		{"the former administrator's password is forgotten before", raftSet, "administrator's password rotated", safely(decide(promoting)), "law 7"},
		{"the user is not told of the administrator's password", raftSet, "administrator's password rotated", safely(decide(reticent)), "law 7: the user has"},
		{"another password is put in the place of the present one", raftSet, "agents' password rotated", safely(func(sc *enginetest.Scenario) { sc.Executor.ForgetAtOnce = true }), "law 7"},
		{"the Secret of a password is written whatever it is", raftSet, "agents' password rotated, another manager", safely(func(sc *enginetest.Scenario) { sc.Executor.UncheckedSecret = true }), "law 7"},
		{"the rotation of a password is not written down", raftSet, "administrator's password rotated", safely(decide(onLedger(forgetRotation))), "ledger before Secret"},
		{"a grant is for another's claim", raftSet, "formation, crashes and losses", safely(decide(elsewhere)), "law 9"},
		{"evictions are let pass at any time", raftSet, "lies", safely(decide(generous)), "law 12"},
		{"two are let be evicted at once", raftSet, "rollout and evictions", safely(decide(plenty)), "law 12"},
		{"members wait for a word when they start again", raftSet, "rollout", safely(func(sc *enginetest.Scenario) { sc.Executor.Gate = attended }), "law 10"},
		{"members wait for a word once nobody is there to say it", raftSet, "lies", safely(func(sc *enginetest.Scenario) { sc.Executor.Gate = attended }), "law 10"},
		{"servers wait to be told who leads", waitingSet, "rollout", safely(func(*enginetest.Scenario) {}), "law 10"},
		{"reports from before are acted upon", raftSet, "two crashes, stale, changed", func(sc *enginetest.Scenario) { sc.Executor.Unconfirmed = true }, "law"},
	} {
		t.Run(tt.breaks, func(t *testing.T) {
			sc := enginetest.Named(tt.scenario)
			tt.mutate(sc)
			cov, breach := enginetest.Explore(sc.With(tt.subject))
			switch {
			case breach == nil:
				t.Errorf("nothing was noticed in %d states", cov.States)
			case !strings.Contains(breach.Law, tt.law):
				t.Errorf("%s was noticed instead of %s", breach.Law, tt.law)
			default:
				t.Logf("noticed in %d states, after %d steps: %s", cov.States, len(breach.Way), breach.Law)
			}
		})
	}
}
