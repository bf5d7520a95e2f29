// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package raft models servers like Consul's: identity by address, founders
// that bootstrap when as many as they were told to expect have met, joiners
// that the leader adds by itself.
package raft

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// Reporter writes what a server's local half would report, from what the model
// knows of it, so that another engine of the same kind can be tested with its
// own words.
type Reporter func(Status) engine.Server

// Status is one server as the model knows it.
type Status struct {
	Running, Leader, Formed bool
	// Voter is true where this server has a vote and knows of the set.
	Voter bool
	// Serving is true where it follows or leads in a set with a leader.
	Serving bool
	// ID is the identity on the volume, of a stopped server too.
	ID   string
	Term uint64
	// Peers are set for a leader that has a quorum.
	Peers []engine.Peer
	// Voters are the identities that have a vote, as this server knows it.
	Voters []string
	// Bootstrapped is true once the set was made usable.
	Bootstrapped bool
	// Settings are the parameters of the last Configure.
	Settings map[string]string
	// Keys are the hashes of the keys on the volume, of a stopped server too.
	Keys []string
}

// Model is the servers and the sets that they hold.
type Model struct {
	report  Reporter
	servers [enginetest.MaxMembers]server
	sets    []set
}

// server is one server and its volume.
type server struct {
	running bool
	leaving bool
	expect  int8
	ids     uint8 // identities used so far
	data    bool  // there is an identity on the volume
	set     int8  // the set whose state it has, 0 for none
	keys    ring
	changes [2]change // of the keys, on their way
	// password is how many were rotated away; confirmed is the one that its agent had a
	// majority take, and confirmedIn the term in which it led then.
	password, confirmed, confirmedIn uint8
}

// set is a set that was bootstrapped; it has formed once a leader was elected
// and a majority has its state.
type set struct {
	formed       bool
	peers        []peer
	leader       int8 // the member that leads, -1 for none
	term         uint8
	bootstrapped bool
	settings     string // parameters of the last Configure, in order
	password     uint8  // as a server's
}

type peer struct {
	member, gen uint8
	voter       bool
}

// New returns servers of which none has started.
func New(report Reporter) *Model { return &Model{report: report} }

var _ enginetest.Model = (*Model)(nil)

// Clone implements enginetest.Model.
func (m *Model) Clone() enginetest.Model {
	out := *m
	out.sets = slices.Clone(m.sets)
	for i := range out.sets {
		out.sets[i].peers = slices.Clone(out.sets[i].peers)
	}
	return &out
}

// Key implements enginetest.Model.
func (m *Model) Key(b []byte) []byte {
	for _, s := range m.servers {
		b = append(b, bits(s.running, s.leaving, s.data), byte(s.expect), s.ids, byte(s.set))
		b = append(append(b, s.keys[:]...), s.password, s.confirmed, s.confirmedIn)
		for _, c := range s.changes {
			b = append(append(b, c.phase...), c.key)
		}
	}
	for _, k := range m.sets {
		b = append(b, '#', bits(k.formed, k.bootstrapped), byte(k.leader), k.term, k.password)
		for _, p := range k.peers {
			b = append(b, p.member, p.gen, bits(p.voter))
		}
		b = append(b, k.settings...)
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

// Start implements enginetest.Model. An identity is made where the volume has
// none. Only a form grant of a server that was not seen in a formed set says
// how many to expect, and it matters to a server without a set alone.
func (m *Model) Start(i int, mk engine.Marker) {
	s := &m.servers[i]
	if !s.data {
		s.ids++
		s.data = true
	}
	s.running, s.leaving, s.expect = true, false, 0
	if mk.Grant.Kind == engine.GrantForm && !mk.Formed && s.set == 0 {
		s.expect = int8(mk.Grant.Size)
	}
}

// Stop implements enginetest.Model.
func (m *Model) Stop(i int) {
	m.servers[i].running, m.servers[i].leaving, m.servers[i].expect = false, false, 0
	m.servers[i].changes = [2]change{}
	m.deposeWithoutQuorum()
}

// Wipe implements enginetest.Model.
func (m *Model) Wipe(i int) {
	m.servers[i] = server{ids: m.servers[i].ids}
	m.deposeWithoutQuorum()
}

// HasData implements enginetest.Model.
func (m *Model) HasData(i int) bool { return m.servers[i].data }

// Running implements enginetest.Model.
func (m *Model) Running(i int) bool { return m.servers[i].running }

// deposeWithoutQuorum takes the lead from who does not run, is no voter any
// more, or hears too few voters.
func (m *Model) deposeWithoutQuorum() {
	for n := range m.sets {
		k := &m.sets[n]
		if k.leader < 0 {
			continue
		}
		l := k.find(m, int(k.leader))
		if l == nil || !l.voter || !m.servers[k.leader].running || !m.hasQuorum(n) {
			k.leader = -1
		}
	}
}

// find returns the peer that is a member's present identity.
func (k *set) find(m *Model, i int) *peer {
	for n := range k.peers {
		if p := &k.peers[n]; int(p.member) == i && m.servers[i].data && p.gen == m.servers[i].ids {
			return p
		}
	}
	return nil
}

// hears tells whether a peer's server runs, and is not in another set.
func (m *Model) hears(n int, p peer) bool {
	s := m.servers[p.member]
	return s.running && s.ids == p.gen && (s.set == 0 || int(s.set) == n+1)
}

// hasQuorum tells whether a majority of a set's voters runs.
func (m *Model) hasQuorum(n int) bool {
	voters, heard := 0, 0
	for _, p := range m.sets[n].peers {
		if p.voter {
			voters++
			if m.hears(n, p) {
				heard++
			}
		}
	}
	return heard >= engine.Majority(voters)
}

// Truth implements enginetest.Model.
func (m *Model) Truth() enginetest.Truth {
	var t enginetest.Truth
	for n := range m.sets {
		k := &m.sets[n]
		if !k.formed {
			continue
		}
		t.Formations++
		if t.Formations > 1 {
			continue
		}
		t.Serving, t.Usable = k.leader >= 0, k.bootstrapped
		for _, p := range k.peers {
			s := m.servers[p.member]
			t.Peers = append(t.Peers, enginetest.TruePeer{
				Member: int(p.member), ID: id(p.member, p.gen), Voter: p.voter,
				Data:    s.data && s.ids == p.gen,
				Healthy: s.running && s.ids == p.gen && int(s.set) == n+1,
			})
		}
	}
	return t
}

func id(member, gen uint8) string { return ids[member][gen] }

var ids = func() (out [enginetest.MaxMembers][64]string) {
	for i := range out {
		for g := range out[i] {
			out[i][g] = fmt.Sprintf("node-%d-%d", i, g)
		}
	}
	return out
}()

var errRefused = errors.New("the server refuses")
