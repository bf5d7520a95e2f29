// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"strings"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/test/wrappers"
)

// TestClaimsOfAnAdoptedSetAreLookedForUnderTheirName: a Datastore that was made anew
// without spec.adopt, or with another one, is told of it and changes nothing, also long
// after the adoption.
func TestClaimsOfAnAdoptedSetAreLookedForUnderTheirName(t *testing.T) {
	for name, c := range map[string]struct {
		ledger *plan.Ledger
		adopt  string
		told   bool
	}{
		"no ledger":              {nil, "", false},
		"never adopted":          {&plan.Ledger{}, "", false},
		"as it was":              {&plan.Ledger{ClaimTemplate: "mongo-data"}, "mongo-data", false},
		"made anew without":      {&plan.Ledger{ClaimTemplate: "mongo-data"}, "", true},
		"made anew with another": {&plan.Ledger{ClaimTemplate: "mongo-data"}, "mongodata", true},
	} {
		t.Run(name, func(t *testing.T) {
			d := wrappers.MakeDatastore("db").Namespace("ns").UID("u").Obj()
			if c.adopt != "" {
				d.Spec.Adopt = &v1alpha1.Adopt{ClaimTemplate: c.adopt}
			}
			p := renewer(t, certified(t), "")
			p.d, p.ledger.ledger = d, c.ledger
			if !c.told {
				if why := p.misnamed(); why != "" {
					t.Error(why)
				}
				return
			}
			err := p.decide(t.Context())
			if b := p.findings.blocked; !errors.Is(err, errStop) || b == nil || b.Reason != v1alpha1.ReasonInvalidConfig || !strings.Contains(b.Message, "claimTemplate mongo-data") {
				t.Errorf("%v, told %v", err, b)
			}
			if p.findings.decided {
				t.Error("something was decided")
			}
		})
	}
}
