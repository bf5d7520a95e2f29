// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/engine"
)

// Admitting is a model of servers that take a password, see engine.Credential.Login.
// Passwords are numbers, as keys are.
type Admitting interface {
	// Password is the one that a member's server takes; 0 where it does not run, or has
	// nobody who could log in yet.
	Password(member int) uint8
	// Confirmed is the one that the agent of a member that leads had a majority take,
	// as long as it leads without a break; 0 for none.
	Confirmed(member int) uint8
}

// Rotated is what a scenario rotates.
type Rotated uint8

const (
	// RotatesKey is the key that all servers share.
	RotatesKey Rotated = iota
	// RotatesAgents is a password that every agent has mounted.
	RotatesAgents
	// RotatesAdministrators is a password that travels with steps.
	RotatesAdministrators
)

// rotates is the credential that is rotated, where engine and model know one.
func (sc *Scenario) rotates() (engine.Credential, bool) {
	if sc.Rotates == RotatesKey {
		c, has := sc.Engine.Traits().SharedKey()
		_, models := sc.Model.(Keyed)
		return c, has && models
	}
	_, models := sc.Model.(Admitting)
	for _, c := range sc.Engine.Traits().Rotatable() {
		if c.Login && c.Mounted == (sc.Rotates == RotatesAgents) {
			return c, models
		}
	}
	return engine.Credential{}, false
}

// tellLogins adds to a report which password is good, as far as an agent knows that: by
// having logged in, or by having changed it.
func (w *World) tellLogins(i int, s *engine.Server) {
	c, has := w.keyed()
	if !has || !c.Login || !s.Running {
		return
	}
	good := w.model.(Admitting).Password(i)
	if !c.Mounted {
		good = w.model.(Admitting).Confirmed(i)
	} else if !slices.Contains(w.members[i].mounted.keys(), good) {
		good = 0
	}
	if good != 0 {
		s.Logins = map[string]string{c.Key: KeyHash(good)}
	}
}

// checkLogins asserts that nobody is kept out (law 7): every agent has the password that
// its server takes, or where it travels with steps the Secret has the one that the
// server takes which leads.
func (w *World) checkLogins(c engine.Credential) {
	model := w.model.(Admitting)
	for i := range w.sc.Members {
		m, good := &w.members[i], model.Password(i)
		switch {
		case good == 0 || !m.booted || !m.volume.marked || m.volume.leaving:
		case c.Mounted && !slices.Contains(m.mounted.keys(), good):
			w.violate("law 7: the agent of %s is kept out: it has %v, and its server takes %d", Name(i), m.mounted.keys(), good)
		case !c.Mounted && w.model.Observe(i).Leader && !slices.Contains(w.secret.keys(), good):
			w.violate("law 7: the operator is kept out: the Secret has %v, and %s leads and takes %d", w.secret.keys(), Name(i), good)
		}
	}
}

// checkTold asserts that the user is told of a password as soon as a manager knows that
// it is good: until then what the user has is good nowhere, and others may hold up much
// for long.
func (w *World) checkTold(p *pass) {
	c, has := w.keyed()
	if !has || !c.Login || c.Mounted || !p.fresh || p.secret.next == 0 || !p.decision.Assessment.Known {
		return
	}
	lead := Ordinal(p.decision.Assessment.Leader)
	if w.model.(Admitting).Confirmed(lead) == p.secret.next && p.decision.WriteKey != engine.KeyPromote {
		w.violate("law 7: the user has the password %d, and %s takes %d", p.secret.current, Name(lead), p.secret.next)
	}
}

// describeLogins tells of the passwords, for the way to a breach.
func (w *World) describeLogins(b *strings.Builder) {
	for i := range w.sc.Members {
		fmt.Fprintf(b, " %d:%d of %v", i, w.model.(Admitting).Password(i), w.members[i].mounted.keys())
	}
}

// otherPassword says which server takes another password than the Secret has.
func (w *World) otherPassword() string {
	for i := range w.sc.Members {
		if good := w.model.(Admitting).Password(i); good != 0 && i < int(w.wanted.Replicas) && good != w.secret.current {
			return fmt.Sprintf("%s takes the password %d", Name(i), good)
		}
	}
	return ""
}
