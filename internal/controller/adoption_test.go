// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"strings"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/test/wrappers"
)

// TestASetIsWhatItWasAdoptedAs: a Datastore that was made anew and says otherwise by
// spec.adopt what the set in the ledger is, whose data it would start on, is told of it and
// changes nothing, also long after the adoption.
func TestASetIsWhatItWasAdoptedAs(t *testing.T) {
	const none, keyFile = v1alpha1.AuthenticationNone, v1alpha1.AuthenticationKeyFile
	was := func(template string, a *plan.Adopted) *plan.Ledger {
		return &plan.Ledger{Formed: true, ClaimTemplate: template, Adopted: a}
	}
	as := func(template string, a v1alpha1.AdoptedAuthentication, setName string) *v1alpha1.Adopt {
		return &v1alpha1.Adopt{ClaimTemplate: template, Authentication: a, SetName: setName}
	}
	rs0, open, closed := &plan.Adopted{Authentication: none, SetName: "rs0"}, &plan.Adopted{Authentication: none}, &plan.Adopted{Authentication: keyFile, SetName: "rs0"}
	granted := &plan.Ledger{Members: map[string]plan.Entry{"db-0": {Grant: engine.GrantAdopt}}}
	for name, c := range map[string]struct {
		ledger *plan.Ledger
		adopt  *v1alpha1.Adopt
		says   []string
	}{
		"no ledger":                    {nil, nil, nil},
		"no ledger, to be adopted":     {nil, as("data", none, ""), nil},
		"never adopted":                {was("", nil), nil, nil},
		"as it was":                    {was("mongo-data", rs0), as("mongo-data", none, "rs0"), nil},
		"as it was, open":              {was("data", open), as("data", none, ""), nil},
		"of before it was kept":        {was("mongo-data", nil), as("mongo-data", none, "rs0"), nil},
		"of before any of it was kept": {granted, as("mongo-data", none, "rs0"), nil},
		"being adopted, of before":     {&plan.Ledger{Formed: true, Adoption: &plan.Adoption{}}, as("data", none, ""), nil},

		"closed, and opened":        {was("", nil), as("data", none, ""), []string{"was not adopted", "create it without spec.adopt"}},
		"closed, never formed":      {&plan.Ledger{}, as("data", none, ""), []string{"create it without spec.adopt"}},
		"open, and without":         {was("data", open), nil, []string{"there is no spec.adopt", "as it was: claimTemplate data, authentication None"}},
		"without, of before":        {was("mongo-data", nil), nil, []string{"there is no spec.adopt", "claimTemplate mongo-data, the rest"}},
		"without, of long before":   {granted, nil, []string{"there is no spec.adopt"}},
		"another claim":             {was("mongo-data", rs0), as("mongodata", none, "rs0"), []string{`spec.adopt.claimTemplate is "mongodata"`, "claimTemplate mongo-data"}},
		"another claim, of before":  {was("mongo-data", nil), as("mongodata", none, "rs0"), []string{"claimTemplate mongo-data"}},
		"a key file, and without":   {was("mongo-data", closed), as("mongo-data", none, "rs0"), []string{`spec.adopt.authentication is "None"`, "authentication KeyFile, setName rs0"}},
		"no key file, and with one": {was("mongo-data", rs0), as("mongo-data", keyFile, "rs0"), []string{`spec.adopt.authentication is "KeyFile"`}},
		"another set name":          {was("mongo-data", rs0), as("mongo-data", none, "rs1"), []string{`spec.adopt.setName is "rs1"`, "setName rs0"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := wrappers.MakeDatastore("db").Namespace("ns").UID("u").Obj()
			d.Spec.Adopt = c.adopt
			p := renewer(t, certified(t), "")
			p.d, p.ledger.ledger = d, c.ledger
			if c.says == nil {
				if why := p.misnamed(); why != "" {
					t.Error(why)
				}
				return
			}
			err := p.decide(t.Context())
			b := p.findings.blocked
			if !errors.Is(err, errStop) || b == nil || b.Reason != v1alpha1.ReasonInvalidConfig {
				t.Fatalf("%v, told %v", err, b)
			}
			for _, says := range c.says {
				if !strings.Contains(b.Message, says) {
					t.Errorf("told %s, without %s", b.Message, says)
				}
			}
			if p.findings.decided {
				t.Error("something was decided")
			}
		})
	}
}
