// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ring models servers like Cassandra's: nobody leads, starting an
// empty server is joining, one joins at a time and streams what it will own, a
// leave streams it away, and the replication factor says how many may be down.
// What clients wrote is on a quorum of a row's replicas, and a server that dies while it
// leaves has what it had when it starts again.
package ring

import (
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
	racks   int // how many the members are in by turns; 0 where they are in none
	servers [enginetest.MaxMembers]server
	rings   [][]node
	rows    rows
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

// NewInRacks returns servers that are in so many racks, by turns.
func NewInRacks(n int) *Model { return &Model{racks: n} }

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
	b = m.rows.key(b)
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
	if n := m.node(i); n != nil {
		m.lose(int(m.servers[i].ring)-1, i)
	}
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
	t := enginetest.Truth{Formations: len(m.rings), Unread: m.rows.unread}
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
