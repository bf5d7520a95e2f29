// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package document models servers like MongoDB's: the votes are in a
// configuration document that the primary changes, a first member initiates
// the set when it is told to, and a member is known by its name, so that an
// empty server under a member's name is taken for that member.
package document

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// Model is the servers and the sets that were initiated.
type Model struct {
	servers [enginetest.MaxMembers]server
	sets    []set
	usurped bool
}

// server is one server and its volume.
type server struct {
	running bool
	data    bool  // the server has written to the volume
	set     int8  // the set whose configuration it has, 0 for none
	entry   uint8 // its entry in it
	synced  bool  // it has all that was acknowledged
}

// set is a configuration document, as a majority has it.
type set struct {
	version uint8
	primary int8
	entries uint8 // given so far
	members []entry
}

type entry struct {
	id     uint8
	member uint8
	votes  bool
}

// New returns servers of which none has started.
func New() *Model { return &Model{} }

var _ enginetest.Model = (*Model)(nil)

// Clone implements enginetest.Model.
func (m *Model) Clone() enginetest.Model {
	out := *m
	out.sets = slices.Clone(m.sets)
	for i := range out.sets {
		out.sets[i].members = slices.Clone(out.sets[i].members)
	}
	return &out
}

// Key implements enginetest.Model.
func (m *Model) Key(b []byte) []byte {
	b = append(b, bits(m.usurped))
	for _, s := range m.servers {
		b = append(b, bits(s.running, s.data, s.synced), byte(s.set), s.entry)
	}
	for _, k := range m.sets {
		b = append(b, '#', k.version, byte(k.primary), k.entries)
		for _, e := range k.members {
			b = append(b, e.id, e.member, bits(e.votes))
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

// Start implements enginetest.Model. What the grant says does not matter to a
// server: nothing happens until it is initiated, or a primary knows its name.
func (m *Model) Start(i int, _ engine.Marker) {
	m.servers[i].running, m.servers[i].data = true, true
}

// Stop implements enginetest.Model.
func (m *Model) Stop(i int) {
	m.servers[i].running = false
	m.depose()
}

// Wipe implements enginetest.Model.
func (m *Model) Wipe(i int) {
	m.servers[i] = server{}
	m.depose()
}

// HasData implements enginetest.Model.
func (m *Model) HasData(i int) bool { return m.servers[i].data }

// Running implements enginetest.Model.
func (m *Model) Running(i int) bool { return m.servers[i].running }

// depose takes the lead from who is not a running voter, or hears too few.
func (m *Model) depose() {
	for n := range m.sets {
		k := &m.sets[n]
		if k.primary < 0 {
			continue
		}
		e := k.of(int(k.primary))
		if e == nil || !e.votes || !m.up(n, *e) || !m.hasQuorum(n) {
			k.primary = -1
		}
	}
}

// of returns the entry of a member's name.
func (k *set) of(i int) *entry {
	for n := range k.members {
		if int(k.members[n].member) == i {
			return &k.members[n]
		}
	}
	return nil
}

// up tells whether the server that has an entry runs.
func (m *Model) up(n int, e entry) bool {
	s := m.servers[e.member]
	return s.running && int(s.set) == n+1 && s.entry == e.id
}

func (m *Model) hasQuorum(n int) bool {
	voters, heard := 0, 0
	for _, e := range m.sets[n].members {
		if e.votes {
			voters++
			if m.up(n, e) {
				heard++
			}
		}
	}
	return heard >= engine.Majority(voters)
}

// Truth implements enginetest.Model.
func (m *Model) Truth() enginetest.Truth {
	t := enginetest.Truth{Formations: len(m.sets), Usurped: m.usurped}
	if len(m.sets) == 0 {
		return t
	}
	k := &m.sets[0]
	t.Serving = k.primary >= 0
	t.Usable = true
	for _, e := range k.members {
		s := m.servers[e.member]
		t.Peers = append(t.Peers, enginetest.TruePeer{
			Member: int(e.member), ID: id(e), Voter: e.votes,
			Data:    s.data && int(s.set) == 1 && s.entry == e.id,
			Healthy: m.up(0, e) && s.synced,
		})
	}
	return t
}

func id(e entry) string { return fmt.Sprintf("entry-%d", e.id) }

// What servers do by themselves.
const (
	moveElect uint8 = iota // A becomes the primary of set B
	moveAdopt              // A, which is empty, is taken for the member of its name
	moveSync               // A has caught up
)

// Moves implements enginetest.Model.
func (m *Model) Moves() []enginetest.Move {
	var out []enginetest.Move
	for n := range m.sets {
		k := &m.sets[n]
		for i, s := range m.servers {
			if e := k.of(i); e != nil && s.running {
				out = m.movesOf(n, i, *e, out)
			}
		}
	}
	return out
}

func (m *Model) movesOf(n, i int, e entry, out []enginetest.Move) []enginetest.Move {
	k, s := &m.sets[n], m.servers[i]
	add := func(kind uint8) { out = append(out, enginetest.Move{Kind: kind, A: uint8(i), B: uint8(n)}) }
	led, other := k.primary >= 0, s.set != 0 && int(s.set) != n+1
	switch {
	case other: // it has another set's configuration
	case s.set == 0 || s.entry != e.id:
		if led {
			add(moveAdopt)
		}
	case !s.synced:
		if led {
			add(moveSync)
		}
	case !led && e.votes && m.hasQuorum(n):
		add(moveElect)
	}
	return out
}

// Move implements enginetest.Model.
func (m *Model) Move(mv enginetest.Move) {
	s, k := &m.servers[mv.A], &m.sets[mv.B]
	switch mv.Kind {
	case moveElect:
		k.primary = int8(mv.A)
		k.version++
	case moveAdopt:
		e := k.of(int(mv.A))
		m.usurped = m.usurped || e.votes
		s.set, s.entry, s.synced = int8(mv.B)+1, e.id, false
	case moveSync:
		s.synced = true
	}
	m.depose()
}

var errRefused = errors.New("the server refuses")
