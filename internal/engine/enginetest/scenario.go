// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"github.com/quorate/quorate/internal/agent/gate"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// Scenario is where a world starts, what may befall it, and who decides.
type Scenario struct {
	// Name of the scenario.
	Name string
	// Engine reads the reports and names the steps.
	Engine engine.Engine
	// Model is the servers, before any has started.
	Model Model
	// Members bounds the ordinals, up to MaxMembers.
	Members int
	// Formed is the size at which a set is formed before the scenario begins;
	// zero where it begins with nothing.
	Formed int8
	// Rotates is what is rotated, where the specification asks for that.
	Rotates Rotated
	// Wanted is the specification at the beginning.
	Wanted Wanted
	// Changes are what the user may change the specification to.
	Changes []Wanted
	// Budget bounds the faults.
	Budget Budget
	// Detours bounds how often something other than the next in turn happens,
	// faults aside. AllOrders lifts the bound.
	Detours int8
	// Prepare changes the world before the scenario begins. It may be nil.
	Prepare func(*World)
	// Decide stands in for plan.Next in a test of the laws. It may be nil.
	Decide func(engine.Engine, plan.State) plan.Decision
	// Executor says how decisions are carried out.
	Executor Executor
	// SafetyOnly leaves out that the world must come to rest as wanted, for
	// engines that plan what they must not.
	SafetyOnly bool
	// MaxStates ends the walk; reaching it is an error unless Sampled.
	MaxStates int
	// Sampled is true where the walk is not meant to reach every state.
	Sampled bool

	refused func(guard string)
	// racks is the subject's.
	racks int8
	// credential is the one that can be rotated, where engine and model know one.
	credential engine.Credential
	keyed      bool
	// memory is nil where no walk has one.
	memory *memory
}

// decide has the planner decide, and notes who refused.
func (sc *Scenario) decide(s plan.State) plan.Decision {
	if sc.Decide != nil {
		return sc.Decide(sc.Engine, s)
	}
	return plan.Planner{Guards: plan.Guards, Refused: sc.refused}.Next(sc.Engine, s)
}

// AllOrders lets everything happen in every order.
const AllOrders = -1

// Executor is how a manager carries out a decision. Its zero value is the
// contract that the real manager must keep:
//
//   - the ledger is written first, by compare-and-swap against what was read,
//     and a pass that loses the race does nothing;
//   - a StatefulSet that exists is changed under the precondition that it is
//     the one that was read, and a manager that raises the epoch marks the
//     StatefulSet with it before it asks for anything, so that one that was
//     replaced cannot shrink it any more;
//   - a pod is deleted under the precondition that it is as it was read;
//   - so is a key written to the Secret;
//   - a decision that changes the ledger or the StatefulSet, deletes a pod or
//     asks for anything is made on what the API server and the agents
//     said when they were asked for this pass: the ledger first, then pods and
//     claims, then the reports, each of which the agent observes after it was
//     asked;
//   - an action goes to the agent in the pod that it was planned for, with the
//     epoch that the ledger had when it was written.
//
// Each field breaks one of these on purpose, or what the agents must keep to, for the
// tests of the laws.
type Executor struct {
	// LedgerLate writes the ledger after everything else.
	LedgerLate bool
	// Unfenced has the agents disregard the epoch.
	Unfenced bool
	// UncheckedSet writes the StatefulSet without its precondition.
	UncheckedSet bool
	// UnmarkedSet leaves the StatefulSet as it is when the epoch is raised.
	UnmarkedSet bool
	// UncheckedBudget writes the budget without the precondition that it is the
	// one that was read.
	UncheckedBudget bool
	// Unconfirmed acts on reports that may be from before.
	Unconfirmed bool
	// UncheckedPods deletes pods by their UID alone.
	UncheckedPods bool
	// UncheckedSecret writes keys without the precondition that the Secret is the
	// one that was read.
	UncheckedSecret bool
	// ForgetAtOnce takes the former key out of the Secret as the next one takes its
	// place.
	ForgetAtOnce bool
	// Gate decides in the agents' place, as they start, who may start without a word.
	Gate func(engine.VolumeState) gate.Decision
}

// Fault is a kind of fault.
type Fault uint8

// The faults.
const (
	// Crash ends the manager between two effects; the next one starts afresh.
	Crash Fault = iota
	// Linger halts a pass between two effects, to go on later.
	Linger
	// Takeover has another manager start while the pass of the first lingers.
	Takeover
	// PodDeleted deletes a pod.
	PodDeleted
	// ClaimLost deletes a pod and its claim.
	ClaimLost
	// ClaimDoomed deletes a claim whose pod stays.
	ClaimDoomed
	// ClaimRemade deletes a pod and has its claim made anew over the same volume.
	ClaimRemade
	// ServerKilled ends a server in its pod.
	ServerKilled
	// Silence keeps an agent from hearing and being heard.
	Silence
	// SlowMount keeps what a pod has mounted of the Secret as it is.
	SlowMount
	// Garble empties parts of an agent's report.
	Garble
	// Stale has the manager take an old report for the current one.
	Stale
	// Evicted has somebody else evict a member, where the budget lets them.
	Evicted
	// Change is the user changing the specification.
	Change
	// NodeLost takes a node away for good, with the pod on it, whose volume cannot
	// be used elsewhere; it may come back nevertheless.
	NodeLost
	// Adverse is a server doing what it need not.
	Adverse
	faultKinds
)

var faultNames = [faultKinds]string{"crash", "linger", "takeover", "pod-deleted", "claim-lost", "claim-doomed", "claim-remade", "server-killed", "silence", "slow-mount", "garble", "stale", "evicted", "change", "node-lost", "adverse"}

func (f Fault) String() string { return faultNames[f] }

// Budget is how often each fault may happen.
type Budget [faultKinds]int8

// Faults makes a budget from pairs.
func Faults(of map[Fault]int8) (b Budget) {
	for f, n := range of {
		b[f] = n
	}
	return b
}

// newWorld returns the world at the beginning of a scenario.
func (sc *Scenario) newWorld() *World {
	sc.credential, sc.keyed = sc.rotates()
	w := &World{sc: sc, wanted: sc.Wanted, model: sc.Model.Clone(), devs: sc.Detours, secret: secret{current: 1}, keysMade: 1, set: kubeSet{racks: sc.racks}}
	if sc.Formed > 0 {
		w.wanted = Wanted{Replicas: sc.Formed}
		w.settle()
		w.wanted = sc.Wanted
	}
	if sc.Prepare != nil {
		sc.Prepare(w)
	}
	w.left = sc.Budget
	return w
}
