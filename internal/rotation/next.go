// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"bytes"

	"github.com/quorate/quorate/internal/pki"
	"github.com/quorate/quorate/internal/resource"
)

// Kind says what a write is part of.
type Kind string

// The writes of a rotation.
const (
	// Introduce puts another authority beside the present one.
	Introduce Kind = "Introduce"
	// Trust has a holder trust another set of authorities, and may give it a
	// pair too.
	Trust Kind = "Trust"
	// Issue gives a holder a pair.
	Issue Kind = "Issue"
	// Promote makes the next authority the present one, and forgets that.
	Promote Kind = "Promote"
)

// Step is the next write to one Secret, or what is waited for; neither where
// there is nothing to do.
type Step struct {
	// Kind is empty where nothing is to be written.
	Kind   Kind
	Secret Secret
	// Why says, for a person, what goes on; empty where nothing does.
	Why string

	// trust is the new bundle; nil where it stays.
	trust []byte
	// issuer has what issues the new pair; nil where that stays.
	issuer *pki.Pair
}

// Next returns the next step.
func (s State) Next() (Step, error) {
	c, err := s.read()
	if err != nil {
		return Step{}, err
	}
	switch {
	case c.next == nil && (s.Requested || c.authority.Due(s.Now)):
		return Step{Kind: Introduce, Secret: Authority, Why: "an authority is made that will issue all certificates anew"}, nil
	case c.next == nil:
		return s.settle(c), nil
	case !c.next.Good(s.Now):
		return Step{Kind: Introduce, Secret: Authority, Why: "the next authority is not good now, and another is made"}, nil
	}
	for _, phase := range []func(certificates) (Step, bool){s.trust, s.issue} {
		if step, done := phase(c); !done {
			return step, nil
		}
	}
	return s.drop(), nil
}

// settle keeps the pairs of the one authority that there is. It waits for
// nobody: a member that is silent has nothing to lose by it.
func (s State) settle(c certificates) Step {
	alone := s.Data[Authority][resource.AuthorityKey]
	for _, h := range holders {
		step := Step{Secret: h, Why: "the certificate of the " + string(h) + " is renewed"}
		if !bytes.Equal(s.Data[h][resource.AuthorityKey], alone) {
			step.trust = alone
		}
		if pair := c.holders[h]; !pair.IssuedBy(c.authority) || pair.DueUnder(c.authority, s.Now) {
			step.issuer = s.present()
		}
		if step.named() {
			return step
		}
	}
	return Step{Why: s.behind()}
}

// trust has everybody trust both authorities. Meanwhile pairs that run out are
// renewed as ever.
func (s State) trust(c certificates) (Step, bool) {
	if !c.authority.Good(s.Now) {
		return Step{}, true
	}
	for _, h := range holders {
		step := Step{Secret: h, Why: "the " + string(h) + " is to trust the next authority too"}
		if !pki.Trusts(s.Data[h][resource.AuthorityKey], *c.next) {
			step.trust = s.both()
		}
		if issuer, with := s.issuerOf(c, h); c.holders[h].DueUnder(issuer, s.Now) {
			step.issuer = with
		}
		if step.named() {
			return step, false
		}
	}
	wait := s.awaited(resource.AuthorityKey)
	return Step{Why: said("until all members trust the next authority", wait)}, wait == ""
}

// issuerOf returns the authority that a holder has its pair from.
func (s State) issuerOf(c certificates, h Secret) (pki.Certificate, *pki.Pair) {
	if c.holders[h].IssuedBy(*c.next) {
		return *c.next, s.next()
	}
	return c.authority, s.present()
}

// issue gives everybody a pair of the next authority.
func (s State) issue(c certificates) (Step, bool) {
	for _, h := range holders {
		step := Step{Secret: h, Why: "the next authority issues the certificate of the " + string(h)}
		if !pki.Trusts(s.Data[h][resource.AuthorityKey], *c.next) {
			step.trust = s.both()
		}
		if pair := c.holders[h]; !pair.IssuedBy(*c.next) || pair.DueUnder(*c.next, s.Now) {
			step.issuer = s.next()
		}
		if step.named() {
			return step, false
		}
	}
	wait := s.awaited(resource.CertificateKey, resource.PrivateKey)
	return Step{Why: said("until all members have their new certificate", wait)}, wait == ""
}

// drop has nobody trust the former authority, and forgets it last: as long as
// it is there it says what is being done.
func (s State) drop() Step {
	alone := s.Data[Authority][NextAuthorityKey]
	for _, h := range holders {
		if !bytes.Equal(s.Data[h][resource.AuthorityKey], alone) {
			return Step{Kind: Trust, Secret: h, Why: "the " + string(h) + " is to trust the new authority alone", trust: alone}
		}
	}
	return Step{Kind: Promote, Secret: Authority, Why: "the former authority is forgotten"}
}

// named gives a step its kind, and tells whether it has one.
func (t *Step) named() bool {
	switch {
	case t.trust != nil:
		t.Kind = Trust
	case t.issuer != nil:
		t.Kind = Issue
	}
	return t.Kind != ""
}

func (s State) both() []byte {
	return pki.Bundle(s.Data[Authority][resource.AuthorityKey], s.Data[Authority][NextAuthorityKey])
}

func (s State) present() *pki.Pair {
	d := s.Data[Authority]
	return &pki.Pair{Certificate: d[resource.AuthorityKey], Key: d[resource.AuthorityPrivateKey]}
}

func (s State) next() *pki.Pair {
	d := s.Data[Authority]
	return &pki.Pair{Certificate: d[NextAuthorityKey], Key: d[NextAuthorityPrivateKey]}
}
