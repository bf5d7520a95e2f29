// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"

	"github.com/quorate/quorate/internal/engine"
)

// Members are in racks by turns, see package layout, so that with as many members as
// racks each rack has one. That holds while they join by their numbers, and one that is
// not there is not waited for by those after it. What is here has them wait where the
// order matters:
//
//   - one whose rack has members waits while another rack that is to have any has none.
//     Servers that spread what they hold by racks refuse to join as a second one in a rack
//     before there are as many racks as copies, and would hold up the very one that has to
//     come first, since one joins at a time;
//   - one whose rack has none does not wait, also where it is not the first that lacks one;
//   - nor does one while every rack has a member, whoever else is missing.
//
// Nobody is taken away again who came too early, or whose turn it is no more since the
// only member of a rack was lost meanwhile: the one that has to come first is let join
// beside it.

// racksFilled refuses a join into a rack that has members while another one that is to
// have any has none.
func racksFilled(p *draft, s engine.Step) string {
	m := p.state.member(s.Member)
	if s.Kind != engine.StepGrant || m == nil || !p.outOfTurn(*m) {
		return ""
	}
	first := p.emptyRack()
	name := p.state.MemberName(first)
	if why := p.notReadyToForm(p.state.member(name)); why != "" {
		return fmt.Sprintf("the rack of %s has no member yet, and %s %s", name, name, why)
	}
	return fmt.Sprintf("the rack of %s has no member yet, and is to have one first", name)
}

// waitsForRackOf tells whether a member that was let join cannot before a step has let
// another one join: nothing of it is in the membership, nor can be before.
func (p *draft) waitsForRackOf(name string, s engine.Step) bool {
	waits, joins := p.state.member(name), p.state.member(s.Member)
	if s.Kind != engine.StepGrant || waits == nil || joins == nil || len(p.out.Assessment.PeersNamed(name)) > 0 {
		return false
	}
	return p.outOfTurn(*waits) && !p.peopled(joins.Ordinal)
}

// outOfTurn tells whether a member's rack has members while another one has none.
func (p *draft) outOfTurn(m Member) bool { return p.emptyRack() >= 0 && p.peopled(m.Ordinal) }

// emptyRack is the first number that is wanted in a rack without members; -1 where
// every rack has one, or there are no racks.
func (p *draft) emptyRack() int32 {
	if p.state.Set == nil {
		return -1
	}
	for i := range min(p.state.Set.Racks, p.state.Wanted.Replicas) {
		if !p.peopled(i) {
			return i
		}
	}
	return -1
}

// peopled tells whether the rack that a number is in has a full member. One that is
// down is one: the membership goes on knowing it.
func (p *draft) peopled(number int32) bool {
	for _, q := range p.out.Assessment.Peers {
		m := p.state.member(q.Name)
		if m != nil && q.Voter && (m.Ordinal-number)%p.state.Set.Racks == 0 {
			return true
		}
	}
	return false
}
