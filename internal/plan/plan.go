// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// Next decides what to do in a state. The stages run in this order, and each
// may only add to the decision:
//
//  1. begin: the ledger exists before anything else, since it names the set;
//  2. settle: what was seen is written into the ledger (claims lost, members
//     joined or gone, the set formed), so that the stages after it decide on
//     what is also remembered;
//  3. where a formed set has lost all of its data, nothing is planned but what the
//     user agrees to, see afresh;
//  4. where its members were made by hand, nothing is planned until they are taken
//     over, see adoption;
//  5. form: until the set has formed, nothing but its formation is planned;
//  6. promoteTaken: the Secret tells of a password that is good already;
//     recover: a recovery that the user agreed to, and nothing beside it; else
//     change: the membership steps of the engine, then grants to join, one
//     disruptive step at most, and the claims of members that have left;
//  7. shape: the size and template of the StatefulSet, from what is left;
//  8. replace: pods that cannot get on and serve nobody;
//  9. budget: how many members others may evict, from what is left to do;
//  10. claim: whoever asks an agent must hold the epoch.
func Next(e engine.Engine, s State) Decision { return Planner{Guards: Guards}.Next(e, s) }

// Planner decides with a given table of guards. Other tables than Guards are
// for tests, which leave one out to see that its law is then broken.
type Planner struct {
	Guards []Guard
	// Refused is told of every refusal, if it is set.
	Refused func(guard string)
}

// Next is as the function of this name.
func (pl Planner) Next(e engine.Engine, s State) Decision {
	p := &draft{Planner: pl, state: s, engine: e, traits: e.Traits(), ledger: s.Ledger.Clone()}
	if p.ledger == nil && p.state.Wanted.Adopts {
		p.proposeAdoption()
		return p.done()
	}
	if !p.begin() {
		return p.done()
	}
	p.keepAdopted()
	p.observe()
	p.settle()
	p.settleRotation()
	p.settleAccounts()
	foreign, lost := p.foreign(), p.dataLost()
	if lost {
		p.afresh()
	} else {
		p.stopAbandoning()
	}
	if foreign || lost {
		p.shape()
		p.claim()
		return p.done()
	}
	if p.ledger.Adoption != nil {
		p.adoption()
		p.revivedAgents()
		p.budget()
		p.claim()
		return p.done()
	}
	if p.ledger.Formed {
		p.putBack()
		p.promoteTaken()
		p.beginRecovery()
		switch {
		case p.state.Wanted.Stopped:
			p.stop()
		case p.ledger.Recovery != nil:
			p.recover()
		default:
			p.change()
		}
		p.discards()
		p.freshAgents()
	} else {
		p.form()
	}
	p.askAboutRecovery()
	p.shape()
	p.askAboutLost()
	p.askAboutVanishing()
	p.askAboutRotation()
	p.askAboutAccounts()
	p.replace()
	p.revivedAgents()
	p.freeClaims()
	p.budget()
	p.claim()
	return p.done()
}

// draft is a decision in the making.
type draft struct {
	Planner
	state  State
	engine engine.Engine
	traits engine.Traits
	seen   engine.Observation
	ledger *Ledger
	// raise is set where the epoch must be raised though nothing is asked.
	raise bool
	// firstReplacement is set where the wanted template is to be written, and
	// restore where the last proven one is to be put back.
	firstReplacement bool
	restore          bool
	// disrupting is set where anything disruptive is on its way or is to be done,
	// and closing where only the open budget holds it back.
	disrupting, closing bool
	out                 Decision
}

// begin sees to the ledger. Claims without one mean that the ledger was lost:
// a new one would give the set a second identity, so none is made.
func (p *draft) begin() bool {
	if p.ledger != nil {
		return true
	}
	if p.state.Retained {
		p.stall(v1alpha1.ReasonLedgerLost, "the ledger of "+p.state.Name+" is missing although its volume claims exist; "+
			"restore the ConfigMap from a backup, or delete the claims to give up their data and start afresh")
		p.keepShape()
		return false
	}
	p.ledger = &Ledger{ClusterID: p.state.NewClusterID, Racks: p.state.Racks}
	return true
}

// observe has the engine read the reports. A formed set without a single
// member is no answer, whatever the engine makes of it (law 2).
func (p *draft) observe() {
	s := p.state
	s.Ledger = p.ledger
	p.state = s
	p.seen = s.observation()
	p.out.Assessment = p.engine.Assess(p.seen)
	if a := &p.out.Assessment; a.Known && len(a.Peers) == 0 {
		a.Known, a.Why = false, "the membership was answered and is empty"
	}
	p.markSpares()
}

// markSpares marks the members that have no vote and need none: of those that
// shall stay as many have one as shall, or there is no room for more.
func (p *draft) markSpares() {
	a := &p.out.Assessment
	if p.traits.Votes == nil {
		return
	}
	want, staying := p.desiredNames(), 0
	for _, q := range a.Peers {
		if q.Voter && want.Wants(q.Name) {
			staying++
		}
	}
	if voters, _ := a.Voters(); staying < p.votesWanted() && voters < p.traits.Votes(len(a.Peers)) {
		return
	}
	a.Peers = slices.Clone(a.Peers)
	for i, q := range a.Peers {
		a.Peers[i].Spare = !q.Voter
	}
}

// votesWanted is how many members shall have a vote.
func (p *draft) votesWanted() int {
	n := len(p.desiredNames().Members)
	if p.traits.Votes == nil {
		return n
	}
	return p.traits.Votes(n)
}

// claim raises the epoch where this manager has not taken the datastore over
// and is about to ask for something, and where later reports must be told from
// earlier ones.
func (p *draft) claim() {
	if p.raise || (len(p.out.Asks) > 0 || p.closing) && (p.state.Epoch == 0 || p.state.Epoch != p.ledger.Epoch) {
		p.ledger.Epoch = p.highestEpoch() + 1
	}
}

// farthestEpoch bounds by how much the epoch is raised at once: a report is
// untrusted, and one with the highest number there is would be the last.
const farthestEpoch = 1 << 20

// highestEpoch is the ledger's, or a later one that an agent has seen: the
// ledger may have been restored from a backup.
func (p *draft) highestEpoch() int64 {
	highest := p.ledger.Epoch
	for _, m := range p.state.Members {
		if r := p.state.trusted(m); r != nil && r.Epoch > highest && r.Epoch-p.ledger.Epoch <= farthestEpoch {
			highest = r.Epoch
		}
	}
	return highest
}

func (p *draft) done() Decision {
	p.out.Ledger = p.ledger
	if p.out.Budget != nil {
		p.out.Budget.Epoch = p.ledger.Epoch
	}
	return p.out
}

func (p *draft) stall(reason, message string) {
	if p.out.Stalled == nil {
		p.out.Stalled = &Finding{Reason: reason, Message: message}
	}
}

func (p *draft) keepShape() {
	if p.state.Set != nil {
		p.out.Shape.Replicas, p.out.Shape.Members = p.state.Set.Replicas, p.state.Set.Replicas
	}
}

// guard sums up a refusal.
func (p *draft) guard(s Summary) {
	if p.Refused != nil {
		p.Refused(s.BlockedBy)
	}
	p.summarize(s)
}

// summarize sets the plan's summary once; the first word stands.
func (p *draft) summarize(s Summary) {
	if p.out.Plan == (Summary{}) {
		p.out.Plan = s
	}
}
