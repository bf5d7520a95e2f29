// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/engine/enginetest/raft"
	"github.com/quorate/quorate/internal/layout"
)

// set is the members of one Datastore and what is on their volumes.
type set struct {
	key     types.NamespacedName
	layout  layout.Layout
	model   *raft.Model
	members [enginetest.MaxMembers]*member
	// volumes are by claim; mounted is the claim whose data the model has for
	// an ordinal.
	volumes map[types.UID]*volume
	mounted [enginetest.MaxMembers]types.UID
	silent  map[int]bool
	held    bool
	// keys are those that any member was ever given or told, by hash; the model
	// knows each by its place, from 1.
	keys []string
	// accounts are those that the leader was told of last.
	accounts accounts
	// passwords are those that were rotated.
	passwords passwords
	crashes   []string
	changed   chan struct{}
}

// volume is what an agent keeps on a claim.
type volume struct {
	marker *engine.Marker
	// lastID is the identity of the server on it; a stopped one has it too.
	lastID string
}

// boot starts an agent on the claim's volume. A claim that was not there
// before brings an empty one.
func (s *set) boot(p Pod) *member {
	i := p.number
	if s.mounted[i] != p.ClaimUID {
		s.model.Wipe(i)
		s.mounted[i] = p.ClaimUID
	}
	v := s.volumes[p.ClaimUID]
	if v == nil {
		v = &volume{}
		s.volumes[p.ClaimUID] = v
	}
	m := &member{set: s, pod: p, volume: v}
	if v.marker != nil {
		m.epoch = v.marker.Epoch
	}
	m.decide()
	s.members[i] = m
	return m
}

func (s *set) kill(m *member) {
	i := m.pod.number
	if s.members[i] != m {
		return
	}
	s.model.Stop(i)
	s.members[i] = nil
}

// settle lets the servers do what they would do by themselves, and the agents
// note it.
func (s *set) settle() {
	const most = 1000
	for _, m := range s.members {
		if m != nil {
			m.prepare()
		}
	}
	for n := 0; !s.held; n++ {
		if n == most {
			panic(fmt.Sprintf("the servers of %s never rest", s.key))
		}
		move, ok := s.next()
		if !ok {
			break
		}
		s.model.Move(move)
	}
	s.checkKeys()
	s.checkPasswords()
	for _, m := range s.members {
		if m != nil {
			m.note()
		}
	}
}

func (s *set) next() (enginetest.Move, bool) {
	for _, m := range s.model.Moves() {
		if !m.Adverse {
			return m, true
		}
	}
	return enginetest.Move{}, false
}
