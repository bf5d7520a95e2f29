// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package raft

import (
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// The credentials that are passwords: one that the agents log in by, and one that
// travels with steps. A scenario rotates one of them.
var passwords = []engine.Credential{
	{Key: "agent", Format: engine.CredentialBase64, Mounted: true, Rotates: "agent", Login: true},
	{Key: "admin", Format: engine.CredentialBase64, Rotates: "admin", Login: true},
}

// isPassword tells whether a credential, or the next one of it, is a password.
func isPassword(key string) bool {
	for _, c := range passwords {
		if key == c.Key || key == engine.NextKey(c.Key) {
			return true
		}
	}
	return false
}

var _ enginetest.Admitting = (*Model)(nil)

// Password implements enginetest.Admitting. What is kept is how many were rotated away,
// so that the first of all costs no world anything.
func (m *Model) Password(i int) uint8 {
	s := m.servers[i]
	if !s.running || s.set == 0 {
		return 0
	}
	return s.password + 1
}

// Confirmed implements enginetest.Admitting.
func (m *Model) Confirmed(i int) uint8 {
	s := m.servers[i]
	if !s.running || s.set == 0 || int(m.sets[s.set-1].leader) != i || s.confirmedIn != m.sets[s.set-1].term {
		return 0
	}
	return s.confirmed
}

// changePassword has the set take another password. The leader has it at once, and each
// of the others when it hears of it.
func (m *Model) changePassword(i int, c *engine.KeyChange) {
	s := &m.servers[i]
	k := &m.sets[s.set-1]
	k.password = enginetest.KeyOf(c.Hash) - 1
	s.password, s.confirmed, s.confirmedIn = k.password, k.password+1, k.term
}

// lagsInPassword tells whether a server has yet to hear of its set's password.
func (m *Model) lagsInPassword(i int) bool {
	s := m.servers[i]
	return s.running && s.set > 0 && m.sets[s.set-1].leader >= 0 && s.password != m.sets[s.set-1].password
}
