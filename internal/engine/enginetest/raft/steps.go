// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package raft

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// Observe implements enginetest.Model.
func (m *Model) Observe(i int) engine.Server { return m.report(m.status(i)) }

func (m *Model) status(i int) Status {
	s := m.servers[i]
	st := Status{Running: s.running}
	if s.data {
		st.ID = id(uint8(i), s.ids)
	}
	for _, key := range s.keys.keys() {
		st.Keys = append(st.Keys, enginetest.KeyHash(key))
	}
	if !s.running || s.set == 0 {
		return st
	}
	k := &m.sets[s.set-1]
	p := k.find(m, i)
	st.Formed, st.Term = true, uint64(k.term)
	st.Voter = p != nil && p.voter
	st.Serving = st.Voter && k.leader >= 0
	st.Bootstrapped = k.bootstrapped
	for _, q := range k.peers {
		if q.voter && k.leader < 0 {
			st.Voters = append(st.Voters, id(q.member, q.gen))
		}
	}
	if int(k.leader) == i {
		st.Leader = true
		if k.formed {
			st.Peers, st.Settings = m.peers(int(s.set)-1), parse(k.settings)
		}
	}
	return st
}

func (m *Model) peers(n int) []engine.Peer {
	k := &m.sets[n]
	out := make([]engine.Peer, 0, len(k.peers))
	for _, p := range k.peers {
		s := m.servers[p.member]
		out = append(out, engine.Peer{
			ID: id(p.member, p.gen), Name: enginetest.Name(int(p.member)), Voter: p.voter, Leader: int8(p.member) == k.leader,
			Healthy: s.running && s.ids == p.gen && int(s.set) == n+1,
		})
	}
	return out
}

// Do implements enginetest.Model. A step of the leader's is refused by who does
// not lead.
func (m *Model) Do(i int, s engine.Step) error {
	defer m.deposeWithoutQuorum()
	if s.Kind == engine.StepLeave && s.About() == enginetest.Name(i) {
		return m.beginLeave(i, s)
	}
	if !m.servers[i].running || m.servers[i].set == 0 || int(m.sets[m.servers[i].set-1].leader) != i {
		return fmt.Errorf("%w: %s does not lead", errRefused, enginetest.Name(i))
	}
	k := &m.sets[m.servers[i].set-1]
	switch s.Kind {
	case engine.StepBootstrap:
		k.bootstrapped = true
	case engine.StepConfigure:
		k.settings = text(s.Params)
	case engine.StepRotateKey:
		if isPassword(s.Key.Credential) {
			m.changePassword(i, s.Key)
			return nil
		}
		return m.changeKeys(i, s.Key)
	case engine.StepStepDown:
		return m.handOver(k, i, s)
	case engine.StepEvictDead, engine.StepLeave:
		return m.remove(k, s)
	default:
		return fmt.Errorf("%w: no such step: %s", errRefused, s.Kind)
	}
	return nil
}

func (m *Model) beginLeave(i int, s engine.Step) error {
	v := &m.servers[i]
	if v.set > 0 && int(m.sets[v.set-1].leader) == i {
		return fmt.Errorf("%w: %s leads", errRefused, s.Member)
	}
	v.leaving = true
	return nil
}

// handOver lets the first other voter lead that is preferred and has all of the
// state.
func (m *Model) handOver(k *set, i int, s engine.Step) error {
	preferred := enginetest.Preferred(s)
	for _, p := range k.peers {
		o := m.servers[p.member]
		if int(p.member) != i && preferred(int(p.member)) && p.voter && o.running && o.ids == p.gen && o.set == m.servers[i].set {
			k.leader = int8(p.member)
			k.term++
			return nil
		}
	}
	return fmt.Errorf("%w: nobody can take over", errRefused)
}

// remove takes an identity out, unless its server is seen alive.
func (m *Model) remove(k *set, s engine.Step) error {
	for _, p := range k.peers {
		if id(p.member, p.gen) != s.SubjectID {
			continue
		}
		if v := m.servers[p.member]; v.running && v.ids == p.gen {
			return fmt.Errorf("%w: %s is alive", errRefused, s.SubjectID)
		}
		k.drop(p.member, p.gen)
		return nil
	}
	return nil
}

func text(params map[string]string) string {
	parts := make([]string, 0, len(params))
	for _, key := range slices.Sorted(maps.Keys(params)) {
		parts = append(parts, key+"="+params[key])
	}
	return strings.Join(parts, "&")
}

func parse(settings string) map[string]string {
	out := map[string]string{}
	for _, part := range strings.Split(settings, "&") {
		if key, value, ok := strings.Cut(part, "="); ok {
			out[key] = value
		}
	}
	return out
}
