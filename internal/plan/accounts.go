// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// Accounts that the operator keeps are brought about by whoever leads. That server
// is where they are, and only it can be asked for them, so that nothing but the names
// of those is remembered which somebody may have been told a password of:
//
//   - whose Secret is missing although it is remembered is not given another
//     password (law 7), as the caller sees to;
//   - who is not wanted any more is remembered until the leader has told that it is
//     gone, and its Secret holds nothing.
//
// What the leader has seen is asked for once more of each new one.

// Accounts are those that are wanted, as far as the operator knows of them.
type Accounts struct {
	// Revision names them with their passwords.
	Revision string
	Wanted   []engine.Account
	// Known are those whose passwords are known; the others are left as they are.
	Known []string
	// Pending is true while a password has still to be made.
	Pending bool
	// Problems says, by name, why a password is not known.
	Problems map[string]string
	// Bare are remembered ones whose Secret holds nothing, or is gone.
	Bare []string
}

func (a *Accounts) wants(name string) bool {
	return slices.ContainsFunc(a.Wanted, func(w engine.Account) bool { return w.Name == name })
}

// accountState is what the leader says of the accounts, nil where it does not.
func (p *draft) accountState() *engine.AccountState {
	if r := p.reportOf(p.out.Assessment.Leader); r != nil && p.out.Assessment.Known {
		return r.Server.Accounts
	}
	return nil
}

// accountsSettled tells whether the leader has what is wanted, but for what it
// refused a short while ago.
func (p *draft) accountsSettled() bool {
	a, s := p.state.Accounts, p.accountState()
	return a != nil && !a.Pending && s != nil && s.Revision == a.Revision && !s.Again
}

// settleAccounts forgets who is gone.
func (p *draft) settleAccounts() {
	if !p.accountsSettled() {
		return
	}
	var kept []string
	for _, name := range p.ledger.Accounts {
		switch a := p.state.Accounts; {
		case a.wants(name):
			kept = append(kept, name)
		case !slices.Contains(a.Bare, name):
			kept = append(kept, name)
			p.out.EmptyAccounts = append(p.out.EmptyAccounts, name)
		}
	}
	p.ledger.Accounts = kept
}

// accounts is the step by which the leader gets what is wanted.
func (p *draft) accounts() []candidate {
	keeper, ok := p.engine.(engine.AccountKeeper)
	a := p.state.Accounts
	if !ok || a == nil || a.Pending || !p.out.Assessment.Usable || p.accountsSettled() || len(a.Wanted)+len(p.ledger.Accounts) == 0 {
		return nil
	}
	step, ok := keeper.AccountStep(p.seen)
	if !ok {
		return nil
	}
	step.Kind, step.Accounts = engine.StepAccounts, &engine.AccountChange{Revision: a.Revision, Accounts: a.Wanted}
	step.Why = "the set shall have the accounts that the specification asks for"
	step.Secrets = slices.Clone(step.Secrets)
	for _, name := range a.Known {
		step.Secrets = append(step.Secrets, engine.AccountKey(name))
	}
	return []candidate{{step: step}}
}

// admitAccounts remembers whose passwords are told, before anybody is.
func (p *draft) admitAccounts() {
	p.ledger.Accounts = slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.ledger.Accounts, p.state.Accounts.Known))))
}

// mostRefusal bounds what is quoted of a server's word on one account.
const mostRefusal = 250

// askAboutAccounts calls the user where an account is not as it should be.
func (p *draft) askAboutAccounts() {
	a := p.state.Accounts
	if a == nil || !p.ledger.Formed {
		return
	}
	words := maps.Clone(a.Problems)
	if words == nil {
		words = map[string]string{}
	}
	if s := p.accountState(); s != nil && s.Revision == a.Revision {
		for name, why := range s.Refused {
			if words[name] == "" && a.wants(name) {
				words[name] = strings.ToValidUTF8(why[:min(len(why), mostRefusal)], "")
			}
		}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(words)) {
		parts = append(parts, name+": "+words[name])
	}
	if len(parts) > 0 {
		p.stall(v1alpha1.ReasonAccountsRefused, strings.Join(parts, "; "))
	}
}
