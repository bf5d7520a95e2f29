// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"

	"github.com/quorate/quorate/internal/engine"
)

// change plans what is to be done with a formed set: replacements and leaves
// that were begun, the engine's steps in their order, grants to wanted members
// on empty volumes, lowest ordinal first, then the rotation of a key that all
// share, agents of another version, the rollout of a changed template, then the
// rotation of a password, the settings that need no restart, and last the accounts
// that clients log in by.
// The first that every guard lets pass is asked for, and no other, even where
// a step costs nothing: its effect is seen before the next is planned. Where
// none may pass, the first one's guard is the reason shown. What the engine itself
// holds back waits for a person, and does not keep others from evicting a member.
//
// A repeated grant, for a crash between the ledger and the agent, is not a new
// step: it was admitted when it was written.
func (p *draft) change() {
	if p.repeatGrant() || p.outrunLeave() {
		return
	}
	var first *Summary
	candidates := p.candidates()
	p.disrupting = p.out.WriteKey != "" || otherOnItsWay(p, engine.Step{}) != "" ||
		slices.ContainsFunc(candidates, func(c candidate) bool {
			return c.step.Blocked == "" && (disruptive(c.step) || c.step.Kind == engine.StepRecover)
		})
	for _, c := range candidates {
		v, blocked := p.refusal(c)
		if !blocked {
			p.admit(c)
			return
		}
		if first == nil {
			first = &Summary{Action: c.step.Kind, Member: c.step.About(), Why: c.step.Why, BlockedBy: v.Guard, Message: v.Message}
		}
	}
	if first != nil {
		p.summarize(*first)
	}
	if wish := p.state.Wanted.Lead; wish != "" && p.ledger.Lead != wish && p.healthyVoter(wish) == nil {
		p.summarize(Summary{
			Action: engine.StepStepDown, Member: wish, Why: "it shall lead", BlockedBy: GuardMembersSettled,
			Message: wish + " is not a healthy voter, so that it cannot lead",
		})
	}
}

// candidate is a step that could be next; grantTo is set where it is a grant.
type candidate struct {
	step    engine.Step
	grantTo *Member
}

func (p *draft) candidates() []candidate {
	begun, fresh := p.withdrawals()
	out := append(p.leftovers(), p.begunReplacements()...)
	out = append(out, begun...)
	for _, s := range p.engine.Plan(p.desired(), p.seen) {
		// A set that was usable has its credentials: whoever claims otherwise is
		// not told them again.
		if s.Kind != engine.StepBootstrap || !p.ledger.Bootstrapped {
			s.Leave = p.leaveMode(s)
			out = append(out, candidate{step: s})
		}
	}
	out = append(append(out, p.losses()...), fresh...)
	for i := range p.state.Members {
		m := &p.state.Members[i]
		if m.Ordinal < p.state.Wanted.Replicas && p.waitsToJoin(*m) {
			out = append(out, candidate{grantTo: m, step: engine.Step{
				Kind: engine.StepGrant, Member: m.Name,
				Cost: engine.Cost{Membership: p.traits.StartIsJoin},
				Why:  fmt.Sprintf("%s waits on an empty volume to join", m.Name),
			}})
		}
	}
	key, password, refused := p.rotations()
	return slices.Concat(out, key, p.agents(), p.rollout(), password, p.reloads(), p.accounts(), refused)
}

// withdrawals have the servers of those stopped that have left the membership,
// and take back the grants of unwanted members that never came as far, highest
// ordinal first: the engine sees nothing to remove, but their servers run or
// might still start. What was begun comes before what is new, but for a server that
// is about to stop anyway.
func (p *draft) withdrawals() (begun, fresh []candidate) {
	if !p.out.Assessment.Known {
		return nil, nil
	}
	for _, m := range slices.Backward(p.state.Members) {
		e, known := p.ledger.Members[m.Name]
		unwanted := m.Ordinal >= p.state.Wanted.Replicas || e.Leaving
		if !known || !unwanted || p.volumeLost(m.Name, e) || len(p.out.Assessment.PeersNamed(m.Name)) > 0 || p.stopping(m) {
			continue
		}
		step := engine.Step{Kind: engine.StepLeave, Member: m.Name, Why: m.Name + " was let join, has not done so, and is not wanted any more"}
		if r := p.state.trusted(m); r != nil {
			step.SubjectID = r.Server.ID // whom the membership does not know
		}
		step.Leave = p.leaveMode(step)
		if e.Leaving {
			step.Why = m.Name + " has left; its server is to stay down"
			begun = append(begun, candidate{step: step})
		} else {
			fresh = append(fresh, candidate{step: step})
		}
	}
	return begun, fresh
}

// leaveMode says what a Leave comes to: where it moves data, the volume is marked
// once the membership has let the member go, and not before.
func (p *draft) leaveMode(s engine.Step) engine.LeaveMode {
	switch {
	case s.Kind != engine.StepLeave || !p.traits.LeaveMovesData:
		return engine.LeaveForGood
	case slices.ContainsFunc(p.out.Assessment.PeersNamed(s.About()), func(q engine.Peer) bool { return q.Voter }):
		return engine.LeaveMoving
	}
	return engine.LeaveGone
}

// desired is the membership by the specification. Identities whose volume is
// gone may be evicted, and so may a member that was asked to leave and does
// not run any more: its own agent cannot make it leave.
func (p *draft) desired() engine.Desired {
	d := p.desiredNames()
	d.Lost = p.ledger.lost()
	d.Lead, d.BurnedIn = p.mayLead(), p.burnedIn()
	for _, q := range p.out.Assessment.Peers {
		if p.leftBehind(q.Name) {
			d.Lost[q.Name] = appendNew(d.Lost[q.Name], q.ID)
		}
	}
	return d
}

// desiredNames are the members by the specification alone, without those whose
// leave was begun.
func (p *draft) desiredNames() (d engine.Desired) {
	for i := range p.state.Wanted.Replicas {
		name := p.state.MemberName(i)
		if !p.ledger.Members[name].Leaving {
			d.Members = append(d.Members, name)
		}
	}
	return d
}

// leftBehind tells whether no server will ever have an identity that the
// membership still has under a name: the member was asked to leave and is held
// at its gate without a running server; or the ledger has no grant for it, and
// it is held in the same way or has neither pod nor claim. The latter is left
// over where the word of a manager that was replaced came late.
//
// A member whose leave was to move its data, and whose volume is found empty
// before the membership has let it go, has lost what it had instead, see lostFor.
func (p *draft) leftBehind(name string) bool {
	e, known := p.ledger.Members[name]
	if known {
		return e.Leaving && p.stopped(p.state.member(name)) && !(p.traits.LeaveMovesData && p.wiped(name, e))
	}
	return p.state.owns(name) && p.vacant(name)
}

// waitsToJoin tells whether a member stands at its gate without a grant that
// is good for its volume. One that is to leave first waits for that.
func (p *draft) waitsToJoin(m Member) bool {
	if m.Pod == nil || m.Pod.Terminating || m.Claim == nil || m.Claim.Terminating || !p.state.held(m) || p.outdated(m) || p.doomed(m) {
		return false
	}
	e, known := p.ledger.Members[m.Name]
	return !known || !e.Leaving && e.ClaimUID != m.Claim.UID
}

// repeatGrant asks again for what the ledger grants and the agent has not got.
func (p *draft) repeatGrant() bool {
	for _, m := range p.state.Members {
		e, known := p.ledger.Members[m.Name]
		if !known || e.Leaving || e.Joined || !settledPod(m) || e.ClaimUID != m.Claim.UID || !p.state.held(m) || p.outdated(m) {
			continue
		}
		p.summarize(Summary{Action: engine.StepGrant, Member: m.Name, Why: "let " + m.Name + " join, as the ledger says"})
		p.grant(m, engine.GrantJoin)
		return true
	}
	return false
}

// admit turns a candidate into what is asked for, and writes down first what
// must not be forgotten.
func (p *draft) admit(c candidate) {
	p.summarize(Summary{Action: c.step.Kind, Member: c.step.About(), Why: c.step.Why})
	if c.grantTo != nil {
		p.grant(*c.grantTo, engine.GrantJoin)
		return
	}
	switch c.step.Kind {
	case engine.StepReplacePod:
		p.admitReplacement(c.step)
		return
	case engine.StepDiscardVolume:
		p.admitLoss(c.step)
		return
	case engine.StepUpgradeAgent:
		m := p.state.member(c.step.Member)
		p.out.UpgradeAgents = append(p.out.UpgradeAgents, PodRef{Name: m.Name, UID: m.Pod.UID})
		return
	case engine.StepRotateKey:
		if p.renewsTemplate(c.step) || p.admitKeyChange(c.step) {
			return
		}
	case engine.StepAccounts:
		p.admitAccounts()
	}
	if c.step.Kind == engine.StepLeave {
		e := p.ledger.Members[c.step.About()]
		e.Leaving = true
		p.ledger.set(c.step.About(), e)
	}
	m := p.state.member(c.step.Member)
	step := c.step
	p.out.Asks = append(p.out.Asks, Ask{Member: m.Name, PodUID: m.Pod.UID, Step: &step})
}
