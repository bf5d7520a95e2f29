// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"errors"
	"fmt"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

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
	out.Formed, out.Serving, out.Leaving, out.View = true, true, s.leaving, &engine.View{}
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
		if n := m.node(i); n == nil || !n.normal {
			m.Stop(i) // it has nothing to give away
			return nil
		}
		v.leaving = true
		return nil
	case engine.StepEvictDead:
		return m.remove(i, s.SubjectID)
	default:
		return fmt.Errorf("%w: no such step: %s", errRefused, s.Kind)
	}
}

// remove takes a node out that is down. Who takes its place gets each row from any of
// the replicas that are left, also from one that had missed it.
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
		m.read(r)
		return nil
	}
	return nil
}
