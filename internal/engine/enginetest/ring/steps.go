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
