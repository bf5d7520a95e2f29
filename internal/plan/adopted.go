// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// Adopted is what a set that was made by hand was adopted as, beside the names of its
// claims: how its servers are started follows from it, for good. Where its other secrets
// were is not kept, since nothing follows from that once the set is adopted.
type Adopted struct {
	// Authentication is what its servers ask of clients and of each other.
	Authentication v1alpha1.AdoptedAuthentication `json:"authentication"`
	// SetName is the name that they know their set by; empty where the engine has none.
	SetName string `json:"setName,omitempty"`
}

func (a *Adopted) clone() *Adopted {
	if a == nil {
		return nil
	}
	out := *a
	return &out
}

func (a *Adopted) equal(o *Adopted) bool {
	if a == nil || o == nil {
		return a == o
	}
	return *a == *o
}

// WasAdopted tells whether the set was made by hand, and is adopted or about to be. Of a
// ledger that was written before any of it was kept the grants say so.
func (l *Ledger) WasAdopted() bool {
	if l.Adoption != nil || l.ClaimTemplate != "" {
		return true
	}
	for _, e := range l.Members {
		if e.Grant == engine.GrantAdopt {
			return true
		}
	}
	return false
}

// keepAdopted has the ledger say what the set is adopted as, from its first byte; in one
// that was written before that was kept, once. It is never written over: a Datastore that
// says otherwise is refused before anything is planned.
func (p *draft) keepAdopted() {
	if !p.state.Wanted.Adopts || !p.ledger.WasAdopted() {
		return
	}
	p.ledger.ClaimTemplate = orElse(p.ledger.ClaimTemplate, p.state.Wanted.ClaimTemplate)
	if p.ledger.Adopted == nil {
		p.ledger.Adopted = p.state.Wanted.Adopted.clone()
	}
}
