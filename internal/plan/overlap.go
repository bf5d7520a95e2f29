// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import "github.com/quorate/quorate/internal/engine"

// What is here says when a member that is on its way holds nobody up any more,
// though its server has not done all that it does: law 3 is about what changes the
// membership or takes a voter, and of that there is one at a time.
//
// A leave is over for the others once a quorum says that the member is out. Its
// server may take seconds more to stop; it has no vote, and it never starts on
// its data again.
//
// A join that cannot begin before another one has been, as racks go, does not hold that
// one up, see waitsForRackOf.
//
// A join is over for another join once the member is in without a vote, where it counts
// for nothing as long as it is. For all else it is over only with the vote.

// hasLeft tells whether a quorum says that a member is out, whose own agent says
// that it will never start on its data again. A server without an identity, or a
// silent one, cannot be told to be out.
func (p *draft) hasLeft(name string) bool {
	m := p.state.member(name)
	if m == nil || !p.out.Assessment.Known {
		return false
	}
	r := p.state.trusted(*m)
	e := p.ledger.Members[name]
	return r != nil && r.Volume == engine.VolumeLeaving && e.ID != "" && !remains(p.out.Assessment, name, e) && !p.out.Assessment.Has(r.Server.ID)
}

// stopping tells whether a member is out, and its agent still carries the leave
// out: its server is about to stop, and nothing more is to be asked of it.
func (p *draft) stopping(m Member) bool {
	r := p.state.trusted(m)
	return r != nil && r.Action.Busy() && r.Action.Kind == engine.StepLeave && p.ledger.Members[m.Name].Leaving && p.hasLeft(m.Name)
}

// besideEachOther tells whether a step may be taken while a member has been let
// join and has not its vote yet:
//
//   - another member may be let join as soon as the one before it is in, where
//     both together need no larger a quorum than one alone: should both fail with
//     their votes, the set tolerates what it would if one had. So two at a time
//     join where an odd number votes, and one where an even one does. It bounds also
//     how many get all of the data at once;
//   - what is done to a member that is itself on its way in is not held up by one
//     that is in: neither has a vote, and each would wait for the other for ever
//     should both be stuck. That is its vote, too, where a step gives it.
//
// A member that is silent, or is not in by the identity that its own server has,
// holds up everything.
func (p *draft) besideEachOther(name string, s engine.Step) bool {
	if !p.traits.VoteFollows || !p.isIn(name) {
		return false
	}
	switch s.Kind {
	case engine.StepGrant, engine.StepJoin:
	case engine.StepLeave, engine.StepReplacePod, engine.StepPromote:
		e, known := p.ledger.Members[s.About()]
		return known && !e.Joined && e.ClaimUID != ""
	default:
		return false
	}
	voters, _ := p.out.Assessment.Voters()
	return p.traits.Quorum(voters+1+p.coming(s.About())) == p.traits.Quorum(voters+1)
}

// isIn tells whether a member is in the membership by the identity that its own
// running server reports.
func (p *draft) isIn(name string) bool {
	m := p.state.member(name)
	if m == nil {
		return false
	}
	r := p.state.trusted(*m)
	return r != nil && r.Server.Running && r.Server.ID != "" && p.out.Assessment.Has(r.Server.ID)
}

// coming counts those that have no vote and may get one, but for one: others that the
// membership has, and, where a start is a join, members that were let join.
func (p *draft) coming(but string) int {
	names := map[string]bool{}
	for name, e := range p.ledger.Members {
		if p.traits.StartIsJoin && e.ClaimUID != "" && !e.Joined {
			names[name] = true
		}
	}
	for _, q := range p.out.Assessment.Peers {
		if !q.Full() {
			names[orElse(q.Name, q.ID)] = true
		}
	}
	delete(names, but)
	return len(names)
}
