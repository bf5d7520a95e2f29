// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package raft

import (
	"fmt"
	"slices"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// mostKeys bounds the keys on a volume, and the changes of them on their way.
const mostKeys = 4

// ring is the keys on a volume, the one that is used first; 0 for none.
type ring [mostKeys]uint8

func (r ring) keys() []uint8 {
	n := slices.Index(r[:], 0)
	if n < 0 {
		n = mostKeys
	}
	return r[:n]
}

func ringOf(keys []uint8) (r ring) {
	copy(r[:], keys)
	return r
}

func (r ring) has(key uint8) bool { return key != 0 && slices.Contains(r[:], key) }

// change is one of the keys that a server was sent and has not made yet. Gossip
// takes it to each server at another moment, or not at all.
type change struct {
	phase engine.KeyPhase
	key   uint8
}

// apply makes a change, as a server does that gets it: one that it cannot make it
// leaves.
func (r ring) apply(c change) ring {
	keys := slices.Clone(r.keys())
	switch {
	case c.phase == engine.KeyAdd && !r.has(c.key):
		keys = append(keys, c.key)
	case c.phase == engine.KeyUse && r.has(c.key):
		keys = append([]uint8{c.key}, slices.DeleteFunc(keys, func(k uint8) bool { return k == c.key })...)
	case c.phase == engine.KeyRemove && r.has(c.key) && keys[0] != c.key:
		keys = slices.DeleteFunc(keys, func(k uint8) bool { return k == c.key })
	}
	return ringOf(keys)
}

var (
	_ engine.KeyRotator = Engine{}
	_ enginetest.Keyed  = (*Model)(nil)
)

// KeyStep implements engine.KeyRotator: the leader tells all the others.
func (e Engine) KeyStep(_ engine.KeyChange, have engine.Observation) (engine.Step, bool) {
	a := e.Assess(have)
	return engine.Step{Member: a.Leader, Term: a.Term}, a.Known
}

// GiveKeys implements enginetest.Keyed.
func (m *Model) GiveKeys(i int, keys []uint8) {
	if m.servers[i].keys == (ring{}) {
		m.servers[i].keys = ringOf(keys)
	}
}

// Keys implements enginetest.Keyed.
func (m *Model) Keys(i int) []uint8 { return m.servers[i].keys.keys() }

// changeKeys has a leader make a change and send it to all servers that run. It
// does not let go of a key that somebody who runs uses, nor use one that not all
// of them have.
func (m *Model) changeKeys(i int, c *engine.KeyChange) error {
	key := enginetest.KeyOf(c.Hash)
	var changes []change
	for j := range m.servers {
		s := &m.servers[j]
		if !s.running {
			continue
		}
		if c.Phase == engine.KeyUse && !s.keys.has(key) || c.Phase == engine.KeyRemove && s.keys[0] != key {
			return fmt.Errorf("%w: %s is not ready for it", errRefused, enginetest.Name(j))
		}
		for _, other := range s.keys.keys() {
			if c.Phase == engine.KeyRemove && other != key && !slices.Contains(changes, change{c.Phase, other}) {
				changes = append(changes, change{c.Phase, other})
			}
		}
	}
	if c.Phase != engine.KeyRemove {
		changes = []change{{c.Phase, key}}
	}
	for _, ch := range changes {
		for j := range m.servers {
			s := &m.servers[j]
			switch {
			case j == i:
				s.keys = s.keys.apply(ch)
			case s.running && s.keys != s.keys.apply(ch):
				s.send(ch)
			}
		}
	}
	return nil
}

// send queues a change, unless it is on its way already or there is no room.
func (s *server) send(c change) {
	for n := range s.changes {
		if s.changes[n] == c {
			return
		}
		if s.changes[n] == (change{}) {
			s.changes[n] = c
			return
		}
	}
}

// take returns the first change that is on its way.
func (s *server) take() change {
	c := s.changes[0]
	copy(s.changes[:], s.changes[1:])
	s.changes[len(s.changes)-1] = change{}
	return c
}
