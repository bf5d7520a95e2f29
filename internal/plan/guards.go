// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/engine"
)

// The names of the guards, as status.plan shows them.
const (
	GuardFounders        = "founders-waiting"
	GuardFormedOnce      = "formed-once"
	GuardMembershipKnown = "membership-known"
	GuardSetServes       = "set-serves"
	GuardAgentPresent    = "agent-present"
	GuardOneAtATime      = "one-at-a-time"
	GuardIdentity        = "identity"
	GuardUnwanted        = "unwanted"
	GuardPredecessor     = "predecessor-gone"
	GuardNobodySilent    = "nobody-silent"
	GuardMembersSettled  = "members-settled"
	GuardQuorumAfter     = "quorum-after"
)

// Guard is one safety rule that every step must pass, whatever engine planned
// it. Refuse returns why the step may not run now, or an empty string.
type Guard struct {
	Name   string
	Law    string
	Refuse func(p *draft, s engine.Step) string
}

// Guards is the table of all of them, in the order in which they are asked.
// GuardFounders and GuardFormedOnce guard the formation, where no engine step
// exists yet; they are asked in form.
var Guards = []Guard{
	{GuardMembershipKnown, "law 2: unknown is not gone", membershipKnown},
	{GuardSetServes, "law 5: a set without a quorum is not changed", setServes},
	{GuardAgentPresent, "an action needs an agent that reports", agentPresent},
	{GuardOneAtATime, "law 3: one disruptive action at a time", oneAtATime},
	{GuardIdentity, "law 9: nothing is touched that is not this datastore's", identity},
	{GuardUnwanted, "law 2: nobody leaves who is wanted", unwanted},
	{GuardPredecessor, "law 5: an empty server never takes a dead member's vote", predecessorGone},
	{GuardNobodySilent, "law 2: no member is removed while another is silent", nobodySilent},
	{GuardMembersSettled, "law 5: every other member is a healthy voter first", membersSettled},
	{GuardQuorumAfter, "law 5: a quorum remains after it", quorumAfter},
}

// verdict is what a guard said.
type verdict struct {
	Guard, Message string
}

// refusal asks every guard and returns the first refusal.
func (p *draft) refusal(c candidate) (verdict, bool) {
	for _, g := range p.Guards {
		if why := g.Refuse(p, c.step); why != "" {
			if p.Refused != nil {
				p.Refused(g.Name)
			}
			return verdict{Guard: g.Name, Message: why}, true
		}
	}
	return verdict{}, false
}

func membershipKnown(p *draft, s engine.Step) string {
	if s.Cost.Disruptive() && !p.out.Assessment.Known {
		return "the membership could not be read from a quorum: " + p.out.Assessment.Why
	}
	return ""
}

func setServes(p *draft, s engine.Step) string {
	if (s.Cost.Disruptive() || s.Kind == engine.StepGrant) && !p.out.Assessment.Serving {
		return "no quorum of members serves: " + p.out.Assessment.Why
	}
	return ""
}

func agentPresent(p *draft, s engine.Step) string {
	m := p.state.member(s.Member)
	if m == nil || m.Pod == nil || m.Pod.Terminating || p.state.trusted(*m) == nil {
		return "the agent of " + s.Member + " does not report"
	}
	return ""
}

// oneAtATime refuses while another member is on its way in or out, while a
// pod is being deleted, or while an agent still carries out an action.
func oneAtATime(p *draft, s engine.Step) string {
	if !s.Cost.Disruptive() {
		return ""
	}
	if why := otherOnItsWay(p, s); why != "" {
		return why
	}
	return otherBusy(p, s)
}

// otherOnItsWay names a member that is joining or leaving.
func otherOnItsWay(p *draft, s engine.Step) string {
	for _, name := range p.granted() {
		if name == s.About() {
			continue
		}
		e := p.ledger.Members[name]
		if e.Leaving && p.leaveBegun(name) {
			return name + " is leaving"
		}
		// Where a step adds members, one that has merely started is none yet. A
		// dead identity may be what keeps it from becoming one.
		started := p.traits.StartIsJoin && s.Kind != engine.StepEvictDead || len(p.out.Assessment.PeersNamed(name)) > 0
		if started && !e.Joined && e.ClaimUID != "" {
			return name + " was let join and has not its vote yet"
		}
	}
	return ""
}

// otherBusy names a pod that is being deleted, or an agent that still carries
// out an action.
func otherBusy(p *draft, s engine.Step) string {
	for _, m := range p.state.Members {
		if _, known := p.ledger.Members[m.Name]; known && m.Pod != nil && m.Pod.Terminating && m.Name != s.About() {
			return "the pod " + m.Name + " is being deleted"
		}
		if r := p.state.trusted(m); r != nil && r.Action != nil && !r.Action.Done && r.Action.Error == "" && m.Name != s.Member {
			return fmt.Sprintf("%s still carries out a %s", m.Name, r.Action.Kind)
		}
	}
	return ""
}

// leaveBegun tells whether a member that is to leave may be doing so: only its
// own agent can say that it has not begun. A leave that a guard holds back is
// not in flight, and must not hold back what has to come before it.
func (p *draft) leaveBegun(name string) bool {
	m := p.state.member(name)
	if m == nil {
		return true
	}
	r := p.state.trusted(*m)
	return r == nil || r.Volume != engine.VolumeMember || r.Action != nil && r.Action.Kind == engine.StepLeave && !r.Action.Done
}

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
// that the member's agent has begun is not held up any more: its server never
// starts again, so the sooner it is out of the count the better.
func (p *draft) takesVoter(s engine.Step) bool {
	votes := slices.ContainsFunc(p.out.Assessment.Peers, func(q engine.Peer) bool { return q.Voter && q.ID == s.SubjectID })
	living := s.Kind == engine.StepStepDown || s.Cost.Voters > 0 || votes && removes(s) && s.Kind != engine.StepEvictDead
	if !living {
		return false
	}
	m := p.state.member(s.About())
	if m == nil || s.Kind != engine.StepLeave {
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
		switch {
		case q.Name == s.About():
		case !q.Healthy:
			return q.Name + " is not healthy"
		case !q.Voter:
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

// quorumAfter counts the healthy voters that the step leaves.
func quorumAfter(p *draft, s engine.Step) string {
	if !s.Cost.Disruptive() {
		return ""
	}
	voters, healthy := after(p.out.Assessment, s)
	if need := p.traits.Quorum(voters); healthy < need {
		return fmt.Sprintf("it would leave %d healthy voters of %d, and %d are needed", healthy, voters, need)
	}
	return ""
}

// after counts voters and healthy voters once the step is done. A joiner is
// counted as the healthy voter that it becomes: engines give the vote only to
// a member that has caught up.
func after(a engine.Assessment, s engine.Step) (voters, healthy int) {
	voters, healthy = a.Voters()
	switch s.Kind {
	case engine.StepGrant, engine.StepJoin:
		return voters + 1, healthy + 1
	case engine.StepLeave, engine.StepEvictDead, engine.StepDemote:
		for _, q := range a.Peers {
			if q.ID != s.SubjectID || !q.Voter {
				continue
			}
			voters--
			if q.Healthy {
				healthy--
			}
		}
		return voters, healthy
	default:
		return voters, healthy - s.Cost.Voters
	}
}
