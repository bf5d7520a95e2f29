// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"sync"
	"time"
)

// mark is the name of a moment in a formation.
type mark string

// marks are the moments of one formation, as offsets from its begin. Where
// something happens once a member, what counts is the last member: it is the
// one that is waited for.
type marks struct {
	begin time.Time

	mu sync.Mutex
	at map[mark]time.Duration
	// seen are the members for which a moment has come.
	seen map[mark]map[string]bool
}

func newMarks(begin time.Time) *marks {
	return &marks{begin: begin, at: map[mark]time.Duration{}, seen: map[mark]map[string]bool{}}
}

// first notes a moment that counts the first time.
func (m *marks) first(name mark, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, done := m.at[name]; !done {
		m.at[name] = at.Sub(m.begin)
	}
}

// each notes a moment that comes for every member; of each the first counts,
// and of all of them the latest.
func (m *marks) each(name mark, member string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen[name] == nil {
		m.seen[name] = map[string]bool{}
	}
	if m.seen[name][member] {
		return
	}
	m.seen[name][member] = true
	m.at[name] = max(m.at[name], at.Sub(m.begin))
}

// all returns the moments that have come.
func (m *marks) all() map[mark]time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make(map[mark]time.Duration, len(m.at))
	for name, at := range m.at {
		out[name] = at
	}
	return out
}
