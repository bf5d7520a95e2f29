// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/engine"
)

// identity refuses to remove an identity other than the one that the ledger
// knows under that name, or knows as lost.
func identity(p *draft, s engine.Step) string {
	if !removes(s) {
		return ""
	}
	e, known := p.ledger.Members[s.About()]
	if s.Kind == engine.StepEvictDead {
		if p.leftBehind(s.About()) || slices.Contains(e.Lost, s.SubjectID) && !p.mayLive(s.About(), s.SubjectID) {
			return ""
		}
		return fmt.Sprintf("%s (%s) is not known to be lost", s.SubjectID, s.About())
	}
	if !known {
		return s.About() + " is not in the ledger"
	}
	if e.ID != s.SubjectID && !p.outside(s) {
		return fmt.Sprintf("%s is %s in the ledger, not %s", s.About(), e.ID, s.SubjectID)
	}
	return ""
}

// mayLive tells whether an identity may be on the volume that is under its
// name now: a claim can be made anew over an old volume, and as long as no
// agent has reported from it, that may have happened.
func (p *draft) mayLive(name, id string) bool {
	m := p.state.member(name)
	if p.vacant(name) || m.Claim == nil {
		return false
	}
	r := p.state.trusted(*m)
	return r == nil || !r.Server.Running || r.Server.ID == "" || r.Server.ID == id
}

// outside tells whether a step is about a member's own server, and that is not
// in the membership.
func (p *draft) outside(s engine.Step) bool {
	m := p.state.member(s.Member)
	if s.Subject != "" || m == nil || len(p.out.Assessment.PeersNamed(s.Member)) > 0 {
		return false
	}
	r := p.state.trusted(*m)
	return r != nil && r.Server.ID == s.SubjectID
}

// unwanted refuses to take a wanted member's place or vote, unless its leave
// was begun. A lost identity under a wanted name is not that member's.
func unwanted(p *draft, s engine.Step) string {
	if !removes(s) || s.Kind == engine.StepEvictDead || !p.desired().Wants(s.About()) {
		return ""
	}
	if m := p.state.member(s.About()); m != nil {
		if r := p.state.trusted(*m); r != nil && r.Volume == engine.VolumeLeaving {
			return ""
		}
	}
	if voters, _ := p.out.Assessment.Voters(); p.traits.Votes != nil && s.Kind == engine.StepDemote && voters > p.votesWanted() {
		return "" // it stays, and more have a vote than shall
	}
	return s.About() + " is wanted"
}

// predecessorGone refuses to let a member join while the identity that was on
// its lost volume is still in the membership: where a name is the identity, the
// empty server would be taken for it, vote and all.
func predecessorGone(p *draft, s engine.Step) string {
	if lost := p.ledger.Members[s.Member].Lost; s.Kind == engine.StepGrant && len(lost) > 0 {
		return fmt.Sprintf("%s is still in the membership under its name", strings.Join(lost, ", "))
	}
	return ""
}

// removes tells whether the step takes an identity out of the membership or
// takes its vote.
func removes(s engine.Step) bool {
	return s.Kind == engine.StepLeave || s.Kind == engine.StepEvictDead || s.Kind == engine.StepDemote
}

// takesVoter tells whether a living member goes, or makes ready to go. A leave
// that the member's agent has begun is not held up any more, nor the handover
// before it: its server never starts again, so the sooner it is out of the count
// the better.
func (p *draft) takesVoter(s engine.Step) bool {
	votes := slices.ContainsFunc(p.out.Assessment.Peers, func(q engine.Peer) bool { return q.Voter && q.ID == s.SubjectID })
	living := s.Kind == engine.StepStepDown || s.Kind == engine.StepUpgradeAgent || s.Cost.Voters > 0 || votes && removes(s) && s.Kind != engine.StepEvictDead
	if !living {
		return false
	}
	m := p.state.member(s.About())
	if m == nil || s.Kind != engine.StepLeave && s.Kind != engine.StepStepDown {
		return true
	}
	r := p.state.trusted(*m)
	return r == nil || r.Volume != engine.VolumeLeaving
}

// nobodySilent refuses to take a living member out while it is silent itself,
// or another one is: that one may be down, and then this one is needed.
// Evicting an identity whose volume is gone is not held up by this; the quorum
// is looked at below.
func nobodySilent(p *draft, s engine.Step) string {
	if removes(s) && s.Kind != engine.StepEvictDead {
		if m := p.state.member(s.About()); m == nil || p.state.trusted(*m) == nil {
			return s.About() + " is silent"
		}
	}
	if !p.takesVoter(s) {
		return ""
	}
	for _, name := range p.granted() {
		m := p.state.member(name)
		if name == s.About() || p.ledger.Members[name].ClaimUID == "" {
			continue
		}
		if m == nil || p.state.trusted(*m) == nil {
			return name + " is silent"
		}
	}
	return ""
}

// membersSettled refuses to take a healthy voter away while any other peer is
// not a healthy voter: a joiner that stabilizes is not one yet. A wanted
// member that lost its volume is brought back first.
func membersSettled(p *draft, s engine.Step) string {
	if !p.takesVoter(s) {
		return ""
	}
	settled := map[string]bool{s.About(): true}
	for _, q := range p.out.Assessment.Peers {
		switch m := p.state.member(q.Name); {
		case q.Name == s.About():
		case m != nil && m.Pod != nil && m.Pod.Terminating:
			return "the pod " + q.Name + " is being deleted"
		case !q.Healthy:
			return q.Name + " is not healthy"
		case !q.Full():
			return q.Name + " has no vote yet"
		}
		settled[q.Name] = true
	}
	for _, name := range p.desired().Members {
		if !settled[name] {
			return name + " is wanted and is no member yet"
		}
	}
	return ""
}
