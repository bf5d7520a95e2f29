// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ring models servers like Cassandra's: nobody leads, starting an
// empty server is joining, one joins at a time and streams what it will own, a
// leave streams it away, and the replication factor says how many may be down.
package ring

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// factor is the replication factor, where there are as many members.
const factor = 3

// Quorum is how many of n members must be up, so that a majority of the
// replicas of every row is.
func Quorum(n int) int { return n - (min(factor, n)-1)/2 }

// Model is the servers and the rings that they are in.
type Model struct {
	servers [enginetest.MaxMembers]server
	rings   [][]node
}

// server is one server and its volume.
type server struct {
	running bool
	leaving bool
	form    bool // it is its own seed
	data    bool
	ids     uint8 // host identities used so far
	ring    int8  // the ring it is in, 0 for none
}

// node is one host in a ring.
type node struct {
	member, id uint8
	normal     bool // else it is joining
}

// New returns servers of which none has started.
func New() *Model { return &Model{} }

var _ enginetest.Model = (*Model)(nil)

// Clone implements enginetest.Model.
func (m *Model) Clone() enginetest.Model {
	out := *m
	out.rings = slices.Clone(m.rings)
	for i := range out.rings {
		out.rings[i] = slices.Clone(out.rings[i])
	}
	return &out
}

// Key implements enginetest.Model.
func (m *Model) Key(b []byte) []byte {
	for _, s := range m.servers {
		b = append(b, bits(s.running, s.leaving, s.form, s.data), s.ids, byte(s.ring))
	}
	for _, r := range m.rings {
		b = append(b, '#')
		for _, n := range r {
			b = append(b, n.member, n.id, bits(n.normal))
		}
	}
	return b
}

func bits(on ...bool) byte {
	var b byte
	for i, o := range on {
		if o {
			b |= 1 << i
		}
	}
	return b
}

// Start implements enginetest.Model. A server that was let form, and has not,
// is its own seed; the others' seeds are whom they find.
func (m *Model) Start(i int, mk engine.Marker) {
	s := &m.servers[i]
	if !s.data {
		s.ids++
		s.data = true
	}
	s.running, s.leaving = true, false
	s.form = mk.Grant.Kind == engine.GrantForm && !mk.Formed && s.ring == 0
}

// Stop implements enginetest.Model. A join that was under way is forgotten by
// the others, and begun again at the next start.
func (m *Model) Stop(i int) {
	s := &m.servers[i]
	s.running, s.leaving, s.form = false, false, false
	if n := m.node(i); n != nil && !n.normal {
		m.drop(int(s.ring)-1, i, s.ids)
		s.ring = 0
	}
}

// Wipe implements enginetest.Model.
func (m *Model) Wipe(i int) {
	m.Stop(i)
	m.servers[i] = server{ids: m.servers[i].ids}
}

// HasData implements enginetest.Model.
func (m *Model) HasData(i int) bool { return m.servers[i].data }

// Running implements enginetest.Model.
func (m *Model) Running(i int) bool { return m.servers[i].running }

// node returns the node that a server is, or nil.
func (m *Model) node(i int) *node {
	s := m.servers[i]
	if s.ring == 0 {
		return nil
	}
	for n := range m.rings[s.ring-1] {
		if p := &m.rings[s.ring-1][n]; int(p.member) == i && p.id == s.ids {
			return p
		}
	}
	return nil
}

// up tells whether a node's server runs.
func (m *Model) up(r int, n node) bool {
	s := m.servers[n.member]
	return s.running && s.data && s.ids == n.id && int(s.ring) == r+1
}

// othersUp tells whether every other normal node of a ring is up, and that
// there is one.
func (m *Model) othersUp(r, i int) bool {
	others := 0
	for _, n := range m.rings[r] {
		if int(n.member) == i || !n.normal {
			continue
		}
		if !m.up(r, n) {
			return false
		}
		others++
	}
	return others > 0
}

func (m *Model) drop(r, member int, id uint8) {
	m.rings[r] = slices.DeleteFunc(m.rings[r], func(n node) bool { return int(n.member) == member && n.id == id })
}

// Truth implements enginetest.Model.
func (m *Model) Truth() enginetest.Truth {
	t := enginetest.Truth{Formations: len(m.rings)}
	if len(m.rings) == 0 {
		return t
	}
	normal, up := 0, 0
	for _, n := range m.rings[0] {
		s := m.servers[n.member]
		p := enginetest.TruePeer{
			Member: int(n.member), ID: hostID(n), Voter: n.normal,
			Data: s.data && s.ids == n.id && s.ring == 1, Healthy: m.up(0, n),
		}
		t.Peers = append(t.Peers, p)
		if n.normal {
			normal++
			if p.Healthy {
				up++
			}
		}
	}
	t.Serving = normal > 0 && up >= Quorum(normal)
	t.Usable = t.Serving
	return t
}

func hostID(n node) string { return fmt.Sprintf("host-%d-%d", n.member, n.id) }

// What servers do by themselves.
const (
	moveForm      uint8 = iota // A, its own seed, begins a ring
	moveBegin                  // A begins to join ring B
	moveFinish                 // A has streamed what it owns
	moveJoinFails              // A gives up to join, since a member is down
	moveLeave                  // A has streamed away what it owned, and stops
	moveLeaveLost              // A stops without having left
)

// Moves implements enginetest.Model.
func (m *Model) Moves() []enginetest.Move {
	var out []enginetest.Move
	add := func(kind uint8, a, b int, adverse bool) {
		out = append(out, enginetest.Move{Kind: kind, A: uint8(a), B: uint8(b), Adverse: adverse})
	}
	for i, s := range m.servers {
		if !s.running {
			continue
		}
		switch n := m.node(i); {
		case s.ring == 0 && s.form:
			add(moveForm, i, 0, false)
		case s.ring == 0:
			for r := range m.rings {
				if m.mayJoin(r, i) {
					add(moveBegin, i, r, false)
				}
			}
		case n != nil && !n.normal && m.othersUp(int(s.ring)-1, i):
			add(moveFinish, i, int(s.ring)-1, false)
		case n != nil && !n.normal:
			add(moveJoinFails, i, int(s.ring)-1, false)
		}
		if s.leaving {
			streams := s.ring > 0 && m.othersUp(int(s.ring)-1, i)
			if streams {
				add(moveLeave, i, int(s.ring)-1, false)
			}
			add(moveLeaveLost, i, 0, streams)
		}
	}
	return out
}

// mayJoin tells whether a ring takes a server in: one at a time, while all are
// up, and not under the address of a node that it still has.
func (m *Model) mayJoin(r, i int) bool {
	for _, n := range m.rings[r] {
		if !n.normal || int(n.member) == i {
			return false
		}
	}
	return m.othersUp(r, i)
}

// Move implements enginetest.Model.
func (m *Model) Move(mv enginetest.Move) {
	i, r := int(mv.A), int(mv.B)
	s := &m.servers[i]
	switch mv.Kind {
	case moveForm:
		m.rings = append(m.rings, []node{{uint8(i), s.ids, true}})
		s.ring, s.form = int8(len(m.rings)), false
	case moveBegin:
		m.rings[r] = append(m.rings[r], node{uint8(i), s.ids, false})
		s.ring = int8(r) + 1
	case moveFinish:
		m.node(i).normal = true
	case moveJoinFails:
		m.drop(r, i, s.ids)
		s.ring = 0
	case moveLeave:
		m.drop(r, i, s.ids)
		m.Stop(i)
	case moveLeaveLost:
		m.Stop(i)
	}
}

var errRefused = errors.New("the server refuses")

// Observe implements enginetest.Model. Every normal node knows the ring.
func (m *Model) Observe(i int) engine.Server {
	s := m.servers[i]
	if !s.running {
		return engine.Server{}
	}
	out := engine.Server{Running: true, ID: hostID(node{uint8(i), s.ids, false})}
	n := m.node(i)
	if n == nil || !n.normal {
		return out
	}
	out.Formed, out.Serving, out.View = true, !s.leaving, &engine.View{}
	for _, p := range m.rings[s.ring-1] {
		out.View.Peers = append(out.View.Peers, engine.Peer{
			ID: hostID(p), Name: enginetest.Name(int(p.member)), Voter: p.normal, Healthy: m.up(int(s.ring)-1, p),
		})
	}
	return out
}

// Do implements enginetest.Model.
func (m *Model) Do(i int, s engine.Step) error {
	v := &m.servers[i]
	if !v.running {
		return fmt.Errorf("%w: it is down", errRefused)
	}
	switch s.Kind {
	case engine.StepLeave:
		v.leaving = true
		return nil
	case engine.StepEvictDead:
		return m.remove(i, s.SubjectID)
	default:
		return fmt.Errorf("%w: no such step: %s", errRefused, s.Kind)
	}
}

// remove takes a node out that is down.
func (m *Model) remove(i int, id string) error {
	if m.node(i) == nil {
		return fmt.Errorf("%w: it is in no ring", errRefused)
	}
	r := int(m.servers[i].ring) - 1
	for _, n := range m.rings[r] {
		if hostID(n) != id {
			continue
		}
		if m.up(r, n) {
			return fmt.Errorf("%w: %s is up", errRefused, id)
		}
		m.drop(r, int(n.member), n.id)
		return nil
	}
	return nil
}
