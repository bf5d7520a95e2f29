// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"maps"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/internal/engine"
)

// accounts are those of a set, as its leader has them.
type accounts struct {
	// passwords are by name.
	passwords map[string]string
	revision  string
	// term and leader are when and by whom they were seen.
	term   uint64
	leader string
}

// take has a leader have the accounts of a step, and no other. One without a password
// keeps what it has.
func (a *accounts) take(leader engine.Server, s engine.Step) {
	was := a.passwords
	a.passwords = map[string]string{}
	for _, account := range s.Accounts.Accounts {
		if password := s.Credentials[engine.AccountKey(account.Name)]; password != "" {
			a.passwords[account.Name] = password
		} else if known, has := was[account.Name]; has {
			a.passwords[account.Name] = known
		}
	}
	a.revision, a.term, a.leader = s.Accounts.Revision, leader.Term, leader.ID
}

// of is what a server tells of them.
func (a *accounts) of(s engine.Server) *engine.AccountState {
	if !s.Leader || a.revision == "" || a.term != s.Term || a.leader != s.ID {
		return nil
	}
	return &engine.AccountState{Revision: a.revision}
}

// Accounts returns the passwords of a Datastore's accounts, by name.
func (w *World) Accounts(datastore types.NamespacedName) map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.set(datastore).accounts.passwords)
}
