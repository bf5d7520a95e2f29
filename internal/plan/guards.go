// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"

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
	GuardKeysKnown       = "keys-known"
	GuardKeyMounted      = "key-mounted"
	GuardRacksFilled     = "racks-filled"
	GuardBudget          = "budget-closed"
	GuardConsent         = "consent"
	GuardAdoptable       = "adoptable"
	GuardEngine          = "engine-agrees"
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
// exists yet; they are asked in form. GuardConsent and GuardAdoptable guard an
// adoption, where nobody reports yet; they are asked in adoption. GuardEngine is
// the engine's own word on its step, and is asked before these.
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
	{GuardKeysKnown, "law 7: a key goes only where everybody is known to use another", keysKnown},
	{GuardKeyMounted, "law 7: who joins has the keys that the others use", keyMounted},
	{GuardRacksFilled, "no rack gets a second member before each has one", racksFilled},
	{GuardBudget, "law 3: nobody else takes a member away meanwhile", budgetClosed},
}

// verdict is what a guard said.
type verdict struct {
	Guard, Message string
}

// refusal asks every guard and returns the first refusal.
func (p *draft) refusal(c candidate) (verdict, bool) {
	if c.step.Blocked != "" {
		if p.Refused != nil {
			p.Refused(GuardEngine)
		}
		return verdict{Guard: GuardEngine, Message: c.step.Blocked}, true
	}
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

// disruptive tells whether a step counts as one (law 3). The replacement of a
// pod always does: that its server is no healthy voter may be a moment's view.
// So does that of an agent: its pod is not ready until the new one has reported.
// So does a change of the keys by which members talk: nobody comes or goes in it.
func disruptive(s engine.Step) bool {
	switch s.Kind {
	case engine.StepReplacePod, engine.StepUpgradeAgent, engine.StepRotateKey:
		return true
	}
	return s.Cost.Disruptive()
}

func membershipKnown(p *draft, s engine.Step) string {
	if disruptive(s) && !p.out.Assessment.Known {
		return "the membership could not be read from a quorum: " + p.out.Assessment.Why
	}
	return ""
}

func setServes(p *draft, s engine.Step) string {
	if (disruptive(s) || s.Kind == engine.StepGrant) && !p.out.Assessment.Serving {
		return "no quorum of members serves: " + p.out.Assessment.Why
	}
	return ""
}

func agentPresent(p *draft, s engine.Step) string {
	m := p.state.member(s.Member)
	if s.Kind == engine.StepDiscardVolume && m != nil {
		return "" // there is none to ask
	}
	if m == nil || m.Pod == nil || m.Pod.Terminating || p.state.trusted(*m) == nil {
		return "the agent of " + s.Member + " does not report"
	}
	return ""
}

// oneAtATime refuses a disruptive step, and a handover of the leadership, while
// another member is on its way in or out, while a pod is being deleted, or while
// an agent still carries out an action.
func oneAtATime(p *draft, s engine.Step) string {
	if !disruptive(s) && s.Kind != engine.StepStepDown {
		return ""
	}
	if why := otherOnItsWay(p, s); why != "" {
		return why
	}
	return otherBusy(p, s)
}

// otherOnItsWay names a member that is joining or leaving, or about to.
func otherOnItsWay(p *draft, s engine.Step) string {
	for _, name := range p.granted() {
		if name == s.About() {
			continue
		}
		if why := p.goes(name, s); why != "" {
			return why
		}
		if p.comes(name, s) && !p.besideEachOther(name, s) && !p.waitsForRackOf(name, s) {
			return name + " was let join and has not its vote yet"
		}
	}
	return ""
}

// goes says that something of a member is on its way out: the member, its volume
// or its pod. The last two do not hold up what brings another one back.
func (p *draft) goes(name string, s engine.Step) string {
	e := p.ledger.Members[name]
	switch {
	case p.givingUp(name) && (!heals(s) || s.Kind == engine.StepDiscardVolume):
		return "the volume of " + name + " is being given up"
	case e.Leaving && e.ClaimUID != "" && p.leaveBegun(name) && !p.hasLeft(name) && !(heals(s) && p.lost(name)):
		return name + " is leaving"
	case e.Replacing != "" && !heals(s):
		return "the pod of " + name + " is being replaced"
	}
	return ""
}

// comes tells whether a member was let join and has not its vote yet. Where a
// step adds members, one that has merely started is none yet. A dead identity
// may be what keeps it from becoming one.
func (p *draft) comes(name string, s engine.Step) bool {
	e := p.ledger.Members[name]
	evicts := s.Kind == engine.StepEvictDead || s.Kind == engine.StepDiscardVolume
	started := p.traits.StartIsJoin && !evicts || len(p.out.Assessment.PeersNamed(name)) > 0
	return started && !e.Joined && e.ClaimUID != ""
}

// heals tells whether a step brings a missing member nearer. It is not held up
// by a replacement that was begun: where that has not come as far as the
// deletion, it may itself wait for that member.
func heals(s engine.Step) bool {
	switch s.Kind {
	case engine.StepEvictDead, engine.StepGrant, engine.StepJoin, engine.StepPromote, engine.StepDiscardVolume:
		return true
	}
	return false
}

// otherBusy names a pod that is being deleted, or an agent that still carries
// out an action.
func otherBusy(p *draft, s engine.Step) string {
	for _, m := range p.state.Members {
		if why := p.podInHand(m, s); why != "" && m.Name != s.About() {
			return why
		}
		if r := p.state.trusted(m); r != nil && r.Action.Busy() && m.Name != s.Member && !p.stopping(m) {
			return fmt.Sprintf("%s still carries out a %s", m.Name, r.Action.Kind)
		}
	}
	return ""
}

// podInHand says that a member's pod is being deleted, or its agent replaced.
func (p *draft) podInHand(m Member, s engine.Step) string {
	_, known := p.ledger.Members[m.Name]
	switch {
	case m.Pod == nil:
		return ""
	case known && m.Pod.Terminating:
		return "the pod " + m.Name + " is being deleted"
	case !m.Pod.AgentSettled && m.Pod.Agent != "" && !heals(s):
		return "the agent of " + m.Name + " is being replaced"
	}
	return ""
}

// leaveBegun tells whether a member that is to leave may be doing so: only its
// own agent can say that it has not begun, or not gone on. A leave that a guard holds back is
// not in flight, and must not hold back what has to come before it.
func (p *draft) leaveBegun(name string) bool {
	m := p.state.member(name)
	if m == nil {
		return true
	}
	r := p.state.trusted(*m)
	return r == nil || r.Volume != engine.VolumeMember || r.Server.Leaving || r.Action != nil && r.Action.Kind == engine.StepLeave && !r.Action.Done
}
