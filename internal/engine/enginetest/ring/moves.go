// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// What servers do by themselves.
const (
	moveForm       uint8 = iota // A, its own seed, begins a ring
	moveBegin                   // A begins to join ring B
	moveFinish                  // A has streamed what it owns
	moveJoinFails               // A gives up to join, since a member is down
	moveLeave                   // A has streamed away what it owned, and is in the ring no more
	moveLeaveFails              // A gives up to leave, since a member is down
	moveStops                   // A stops while it leaves
)

// Moves implements enginetest.Model.
func (m *Model) Moves() []enginetest.Move {
	var out []enginetest.Move
	for i, s := range m.servers {
		if s.running {
			out = m.movesOf(i, out)
		}
	}
	return out
}

func (m *Model) movesOf(i int, out []enginetest.Move) []enginetest.Move {
	s := m.servers[i]
	r := int(s.ring) - 1
	add := func(kind uint8, b int, adverse bool) {
		out = append(out, enginetest.Move{Kind: kind, A: uint8(i), B: uint8(b), Adverse: adverse})
	}
	switch n := m.node(i); {
	case s.form:
		add(moveForm, 0, false)
	case s.ring == 0:
		for ring := range m.rings {
			if m.mayJoin(ring, i) {
				add(moveBegin, ring, false)
			}
		}
	case n == nil || n.normal:
	case m.othersUp(r, i):
		add(moveFinish, r, false)
	default:
		add(moveJoinFails, r, false)
	}
	if s.leaving {
		add(m.howLeaves(r, i), r, false)
		add(moveStops, r, true)
	}
	return out
}

// howLeaves is how a leave goes on: it streams only while all others are up.
func (m *Model) howLeaves(r, i int) uint8 {
	if m.othersUp(r, i) {
		return moveLeave
	}
	return moveLeaveFails
}

// mayJoin tells whether a ring takes a server in: one at a time, while all are
// up, and not under the address of a node that it still has. A server that cannot
// spread its tokens over racks does not even come up.
func (m *Model) mayJoin(r, i int) bool {
	for _, n := range m.rings[r] {
		if !n.normal || int(n.member) == i {
			return false
		}
	}
	return m.spreads(r, i) && m.othersUp(r, i)
}

// spreads tells whether a server can choose its tokens. It does by the rack that it is
// in, where the ring knows that one and others, and then as many as there are copies must
// have members. In a rack that is new to the ring, or the only one, it does without.
func (m *Model) spreads(r, i int) bool {
	if m.racks == 0 {
		return true
	}
	known := map[int]bool{}
	for _, n := range m.rings[r] {
		if n.normal {
			known[int(n.member)%m.racks] = true
		}
	}
	return !known[i%m.racks] || len(known) == 1 || len(known) >= min(factor, m.racks)
}

// Move implements enginetest.Model.
func (m *Model) Move(mv enginetest.Move) {
	i, r := int(mv.A), int(mv.B)
	s := &m.servers[i]
	switch mv.Kind {
	case moveForm:
		m.rings = append(m.rings, []node{{uint8(i), s.ids, true}})
		s.ring, s.form = int8(len(m.rings)), false
		m.write(len(m.rings) - 1)
	case moveBegin:
		m.rings[r] = append(m.rings[r], node{uint8(i), s.ids, false})
		s.ring = int8(r) + 1
	case moveFinish:
		m.node(i).normal = true
		m.streamIn(r, i)
		m.read(r)
		m.write(r)
	case moveJoinFails:
		m.drop(r, i, s.ids)
		s.ring = 0
	case moveLeave:
		m.streamAway(r, i)
		m.drop(r, i, s.ids)
		m.read(r)
		s.leaving = false
	case moveLeaveFails:
		s.leaving = false
	case moveStops:
		m.Stop(i)
	}
}
