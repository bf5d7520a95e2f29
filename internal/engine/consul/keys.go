// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import "github.com/quorate/quorate/internal/engine"

var _ engine.KeyRotator = Engine{}

// KeyStep implements engine.KeyRotator: the leader tells all members through
// gossip, clients of the user's among them.
//
// Sets that were formed by an earlier operator have a policy for the agents' token
// that lets it rotate no keys. So the management token comes with the first
// change, by which that policy is brought up to date.
//
// The servers of an open set have no key, and are given none: one that has it does not
// understand the others.
func (Engine) KeyStep(c engine.KeyChange, have engine.Observation) (engine.Step, bool) {
	a, lead := assess(have)
	if lead != nil && lead.Server.Facts[FactACL] == ACLOpen {
		return engine.Step{}, false
	}
	s := engine.Step{Member: a.Leader, Term: a.Term}
	if c.Phase == engine.KeyAdd {
		s.Secrets = []string{CredentialManagement}
	}
	return s, a.Known
}
