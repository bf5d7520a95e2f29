// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"slices"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// Observe implements enginetest.Model. A server that was taken out of the
// configuration holds the state of a set and has no identity in it.
func (m *Model) Observe(i int) engine.Server {
	s := m.servers[i]
	out := engine.Server{Running: s.running}
	if !s.running || s.set == 0 {
		return out
	}
	n := int(s.set) - 1
	k := &m.sets[n]
	out.Formed, out.Term = true, uint64(k.version)
	e := k.of(i)
	if e == nil || e.id != s.entry {
		return out
	}
	out.ID, out.Serving = id(*e), s.synced && k.primary >= 0
	if int(k.primary) == i {
		out.Leader, out.View = true, m.view(n)
	}
	return out
}

func (m *Model) view(n int) *engine.View {
	k := &m.sets[n]
	v := &engine.View{}
	for _, e := range k.members {
		v.Peers = append(v.Peers, engine.Peer{
			ID: id(e), Name: enginetest.Name(int(e.member)), Voter: e.votes, Leader: int8(e.member) == k.primary,
			Healthy: m.up(n, e) && m.servers[e.member].synced,
		})
	}
	return v
}

// Do implements enginetest.Model.
func (m *Model) Do(i int, s engine.Step) error {
	defer m.depose()
	switch {
	case s.Kind == engine.StepBootstrap:
		return m.initiate(i)
	case s.Kind == engine.StepLeave && s.About() == enginetest.Name(i):
		return m.shutDown(i)
	}
	v := m.servers[i]
	if !v.running || v.set == 0 || int(m.sets[v.set-1].primary) != i {
		return fmt.Errorf("%w: %s is not the primary", errRefused, enginetest.Name(i))
	}
	if s.Kind == engine.StepStepDown {
		return m.stepDown(i, s)
	}
	return m.reconfigure(&m.sets[v.set-1], s)
}

func (m *Model) initiate(i int) error {
	s := &m.servers[i]
	if !s.running || s.set != 0 {
		return fmt.Errorf("%w: %s is initiated already, or down", errRefused, enginetest.Name(i))
	}
	m.sets = append(m.sets, set{version: 1, primary: int8(i), entries: 1, members: []entry{{id: 1, member: uint8(i), votes: true}}})
	s.set, s.entry, s.synced = int8(len(m.sets)), 1, true
	return nil
}

// shutDown ends a server that is no member, or will be none.
func (m *Model) shutDown(i int) error {
	s := &m.servers[i]
	if s.set > 0 && int(m.sets[s.set-1].primary) == i {
		return fmt.Errorf("%w: %s is the primary", errRefused, enginetest.Name(i))
	}
	s.running = false
	return nil
}

// stepDown lets another voter that is preferred and has caught up take over.
func (m *Model) stepDown(i int, s engine.Step) error {
	n := int(m.servers[i].set) - 1
	preferred := enginetest.Preferred(s)
	for _, e := range m.sets[n].members {
		if int(e.member) != i && preferred(int(e.member)) && e.votes && m.up(n, e) && m.servers[e.member].synced {
			m.sets[n].primary = int8(e.member)
			m.sets[n].version++
			return nil
		}
	}
	return fmt.Errorf("%w: nobody has caught up", errRefused)
}

// reconfigure changes one member of the document.
func (m *Model) reconfigure(k *set, s engine.Step) error {
	i := enginetest.Ordinal(s.About())
	e := k.of(i)
	switch s.Kind {
	case engine.StepJoin:
		if e != nil {
			return fmt.Errorf("%w: %s is a member", errRefused, s.About())
		}
		k.entries++
		k.members = append(k.members, entry{id: k.entries, member: uint8(i)})
	case engine.StepPromote, engine.StepDemote:
		if e == nil || id(*e) != s.SubjectID {
			return fmt.Errorf("%w: %s is no member", errRefused, s.SubjectID)
		}
		e.votes = s.Kind == engine.StepPromote
	case engine.StepLeave, engine.StepEvictDead:
		k.members = slices.DeleteFunc(k.members, func(e entry) bool { return id(e) == s.SubjectID })
	default:
		return fmt.Errorf("%w: no such step: %s", errRefused, s.Kind)
	}
	k.version++
	return nil
}
