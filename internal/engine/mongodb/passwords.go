// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"github.com/quorate/quorate/internal/engine"
)

var _ engine.KeyRotator = Engine{}

// KeyStep implements engine.KeyRotator: the primary has a user of the operator's take
// another password, as the administrator, whose password travels with the step. Nobody
// is asked for anything where everybody is let in. A key file takes no agent. Where the
// administrator was refused nothing is begun, and what was is tried once a minute.
func (Engine) KeyStep(c engine.KeyChange, have engine.Observation) (engine.Step, bool) {
	a, lead := assess(have)
	s := engine.Step{Member: a.Leader, Term: a.Term}
	if UserOf(c.Credential) == "" {
		return s, a.Known
	}
	s.Secrets = []string{CredentialAdmin}
	if lead != nil && lead.Server.Facts[FactOpen] != "" {
		s.Blocked = "the servers let everybody in and ask for no password; remove the annotation"
		return s, a.Known
	}
	if lead != nil && lead.Server.Facts[FactAdministrator] != "" {
		s.Refused = administratorRefused
		if lead.Server.Facts[FactAdministrator] == AdministratorRefused {
			s.Blocked = administratorRefused
		}
	}
	return s, a.Known
}

// administratorRefused is what is said where no password can be rotated, since the
// operator's administrator cannot log in or has not the role root any more.
const administratorRefused = "the primary refuses the operator's administrator, as whom passwords are changed: " +
	"give the user " + UserAdmin + ", or " + UserAdopter + " in a set that was adopted, the role root and the password that the manager's Secret has under " +
	CredentialAdmin + ", or put the one that it has there; it is tried again every minute"

// UserOf is the user whose password a credential is, or the next one of it; empty for any
// other credential. The administrator of a set that was adopted is UserAdopter instead.
func UserOf(key string) string {
	switch key {
	case CredentialAgent, engine.NextKey(CredentialAgent):
		return UserAgent
	case CredentialAdmin, engine.NextKey(CredentialAdmin):
		return UserAdmin
	}
	return ""
}
