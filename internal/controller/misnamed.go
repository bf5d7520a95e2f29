// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/plan"
)

// misnamed says that the set that the ledger has is not the one that the Datastore
// describes by spec.adopt, or by its racks: it was made anew over the claims of a former
// one, and says otherwise what that was. Empty where that is not so. Either way would be
// wrong:
//
//   - a set that was adopted, and no spec.adopt, or another claimTemplate: its claims are
//     looked for under another name and would all count as gone;
//   - a set that was adopted, and another authentication, or none: its servers would be
//     started with another one than their data and the other servers have, or let in
//     everybody who had to say a password;
//   - a set that was not adopted, and spec.adopt: the same, and it never agreed to that;
//   - a set with other racks, or in another order, or with none: its claims are looked
//     for under other names, or would be those of other racks than their data.
//
// A ledger that was written before the authentication was kept is taken at the
// Datastore's word, once. Of such a Datastore nothing was written yet, so that no claim
// goes with it.
func (p *pass) misnamed() string {
	l, adopt := p.ledger.ledger, p.d.Spec.Adopt
	if why := p.otherRacks(); why != "" {
		return why
	}
	if l == nil || !l.WasAdopted() && adopt == nil {
		return ""
	}
	name := p.d.Name
	if !l.WasAdopted() {
		return fmt.Sprintf("the ledger of %s has a set that was not adopted, and there is spec.adopt: "+
			"since that cannot be changed, delete this Datastore, by which no claim is deleted, and create it without spec.adopt", name)
	}
	differs := differences(l, adopt)
	if len(differs) == 0 {
		return ""
	}
	return fmt.Sprintf("the ledger of %s has a set that was adopted, and %s: since spec.adopt cannot be changed, "+
		"delete this Datastore, by which no claim is deleted, and create it with spec.adopt as it was: %s", name, strings.Join(differs, ", "), asAdopted(l))
}

// otherRacks says that the ledger has not the Datastore's racks.
func (p *pass) otherRacks() string {
	l, racks := p.ledger.ledger, p.layout().Racks()
	if l == nil || slices.Equal(l.Racks, racks) {
		return ""
	}
	was := "no racks"
	if len(l.Racks) > 0 {
		was = "the racks " + strings.Join(l.Racks, ", ")
	}
	is := "has none"
	if len(racks) > 0 {
		is = "has " + strings.Join(racks, ", ")
	}
	return fmt.Sprintf("the ledger of %s has a set with %s, and this Datastore %s: since racks cannot be changed, "+
		"delete this Datastore, by which no claim is deleted, and create it with those of the set, in their order", p.d.Name, was, is)
}

// differences are the fields of spec.adopt that are not as the ledger has them.
func differences(l *plan.Ledger, adopt *v1alpha1.Adopt) []string {
	if adopt == nil {
		return []string{"there is no spec.adopt"}
	}
	var out []string
	differ := func(field, was, is string) {
		if was != is {
			out = append(out, fmt.Sprintf("spec.adopt.%s is %q", field, is))
		}
	}
	if l.ClaimTemplate != "" {
		differ("claimTemplate", l.ClaimTemplate, adopt.ClaimTemplate)
	}
	if a := l.Adopted; a != nil {
		differ("authentication", string(a.Authentication), string(adopt.Authentication))
		differ("setName", a.SetName, adopt.SetName)
	}
	return out
}

// asAdopted names what the ledger knows of a set that was adopted.
func asAdopted(l *plan.Ledger) string {
	var out []string
	if l.ClaimTemplate != "" {
		out = append(out, "claimTemplate "+l.ClaimTemplate)
	}
	a := l.Adopted
	if a == nil {
		return strings.Join(append(out, "the rest as the former Datastore had it"), ", ")
	}
	out = append(out, "authentication "+string(a.Authentication))
	if a.SetName != "" {
		out = append(out, "setName "+a.SetName)
	}
	return strings.Join(out, ", ")
}
