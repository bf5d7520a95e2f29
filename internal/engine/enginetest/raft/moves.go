// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package raft

import (
	"slices"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// What servers do by themselves.
const (
	moveBootstrap uint8 = iota // A bootstraps with all whom it has met
	moveElect                  // A is elected in its set
	moveReplicate              // A gets the state of its set from the leader
	moveAdd                    // the leader of set B adds A
	movePromote                // A gets its vote
	moveLeave                  // the leader takes A out, which runs on for a while
	moveLeaveEnd               // A is out, and stops
	moveLeaveLost              // A stops without having left
	moveKey                    // A makes a change of its keys
	moveKeyLost                // a change of A's keys never reaches it
	movePassword               // A hears of its set's password
)

// Moves implements enginetest.Model.
func (m *Model) Moves() []enginetest.Move {
	var out []enginetest.Move
	add := func(kind uint8, a, b int, adverse bool) {
		out = append(out, enginetest.Move{Kind: kind, A: uint8(a), B: uint8(b), Adverse: adverse})
	}
	for i := range m.servers {
		s := m.servers[i]
		if !s.running {
			continue
		}
		if m.mayBootstrap(i) {
			add(moveBootstrap, i, 0, false)
		}
		if s.changes[0] != (change{}) {
			add(moveKey, i, 0, false)
			add(moveKeyLost, i, 0, true)
		}
		if m.lagsInPassword(i) {
			add(movePassword, i, 0, false)
		}
		if s.set > 0 {
			m.movesInSet(i, add)
		} else {
			m.movesOutside(i, add)
		}
		if s.leaving {
			m.movesLeaving(i, add)
		}
	}
	return out
}

func (m *Model) movesInSet(i int, add func(uint8, int, int, bool)) {
	n := int(m.servers[i].set) - 1
	k := &m.sets[n]
	p := k.find(m, i)
	switch {
	case p == nil:
		// It was not there when the set was recovered from others.
		if k.formed && k.leader >= 0 && !m.servers[i].leaving {
			add(moveAdd, i, n, false)
		}
	case p.voter && k.leader < 0 && m.hasQuorum(n):
		add(moveElect, i, n, false)
	case !p.voter && k.leader >= 0:
		add(movePromote, i, n, false)
	}
}

// movesLeaving are those of a server that leaves.
func (m *Model) movesLeaving(i int, add func(uint8, int, int, bool)) {
	n := int(m.servers[i].set) - 1
	switch {
	case n >= 0 && m.sets[n].find(m, i) == nil:
		add(moveLeaveEnd, i, 0, false)
	case n >= 0 && m.sets[n].leader >= 0:
		add(moveLeave, i, 0, false)
		add(moveLeaveLost, i, 0, true)
	default:
		add(moveLeaveLost, i, 0, false)
	}
}

func (m *Model) movesOutside(i int, add func(uint8, int, int, bool)) {
	for n := range m.sets {
		k := &m.sets[n]
		if k.leader < 0 {
			continue
		}
		if k.find(m, i) != nil {
			add(moveReplicate, i, n, false)
		} else if k.formed {
			add(moveAdd, i, n, false)
		}
	}
}

// mayBootstrap tells whether a founder has met as many as it expects. It asks
// all of them first whether they know of a set.
func (m *Model) mayBootstrap(i int) bool {
	s := m.servers[i]
	if s.expect == 0 || s.set != 0 {
		return false
	}
	met := int8(0)
	for _, o := range m.servers {
		if !o.running {
			continue
		}
		if o.set != 0 || o.expect != 0 && o.expect != s.expect {
			return false
		}
		met++
	}
	return met >= s.expect
}

// Move implements enginetest.Model.
func (m *Model) Move(mv enginetest.Move) {
	i := int(mv.A)
	s := &m.servers[i]
	switch mv.Kind {
	case moveBootstrap:
		m.bootstrap(i)
	case moveElect:
		k := &m.sets[mv.B]
		k.leader = int8(i)
		k.term++
		m.commit(int(mv.B))
	case moveReplicate:
		s.set, s.expect, s.password = int8(mv.B)+1, 0, m.sets[mv.B].password
		m.commit(int(mv.B))
	case moveAdd:
		m.add(i, int(mv.B))
	case movePromote:
		m.sets[mv.B].find(m, i).voter = true
	case moveLeave:
		m.leave(i)
	case moveLeaveLost, moveLeaveEnd:
		m.Stop(i)
	case moveKey:
		s.keys = s.keys.apply(s.take())
	case moveKeyLost:
		s.take()
	case movePassword:
		s.password = m.sets[s.set-1].password
	}
	m.deposeWithoutQuorum()
}

func (m *Model) bootstrap(i int) {
	k := set{leader: -1}
	for j, o := range m.servers {
		if o.running {
			k.peers = append(k.peers, peer{uint8(j), o.ids, true})
		}
	}
	m.sets = append(m.sets, k)
	m.servers[i].set, m.servers[i].expect = int8(len(m.sets)), 0
}

// commit notes that a set has formed, once a majority has its state.
func (m *Model) commit(n int) {
	k := &m.sets[n]
	voters, have := 0, 0
	for _, p := range k.peers {
		if p.voter {
			voters++
			if s := m.servers[p.member]; s.ids == p.gen && int(s.set) == n+1 {
				have++
			}
		}
	}
	k.formed = k.formed || k.leader >= 0 && have >= engine.Majority(voters)
}

// add takes a server in without a vote. Its address may be a former identity's,
// whose place it takes then.
func (m *Model) add(i, n int) {
	k := &m.sets[n]
	k.peers = slices.DeleteFunc(k.peers, func(p peer) bool { return int(p.member) == i })
	k.peers = append(k.peers, peer{uint8(i), m.servers[i].ids, false})
	m.servers[i].set, m.servers[i].expect, m.servers[i].password = int8(n)+1, 0, k.password
}

func (m *Model) leave(i int) {
	k := &m.sets[m.servers[i].set-1]
	k.drop(uint8(i), m.servers[i].ids)
	if int(k.leader) == i {
		k.leader = -1
	}
}

func (k *set) drop(member, gen uint8) {
	k.peers = slices.DeleteFunc(k.peers, func(p peer) bool { return p.member == member && p.gen == gen })
}
