// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"strings"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine/cassandra"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/test/wrappers"
)

// TestASetKeepsItsRacks: a Datastore that was made anew over the claims of one with other
// racks is told so and changes nothing.
func TestASetKeepsItsRacks(t *testing.T) {
	for name, c := range map[string]struct {
		was  *plan.Ledger
		is   []string
		says []string
	}{
		"no ledger":           {nil, []string{"a", "b"}, nil},
		"as it was":           {&plan.Ledger{Racks: []string{"a", "b"}}, []string{"a", "b"}, nil},
		"without, as it was":  {&plan.Ledger{}, nil, nil},
		"another order":       {&plan.Ledger{Racks: []string{"a", "b"}}, []string{"b", "a"}, []string{"with the racks a, b, and this Datastore has b, a"}},
		"one more":            {&plan.Ledger{Racks: []string{"a", "b"}}, []string{"a", "b", "c"}, []string{"has a, b, c", "delete this Datastore"}},
		"none where some are": {&plan.Ledger{Racks: []string{"a", "b"}}, nil, []string{"with the racks a, b, and this Datastore has none"}},
		"some where none are": {&plan.Ledger{}, []string{"a", "b"}, []string{"with no racks, and this Datastore has a, b"}},
	} {
		t.Run(name, func(t *testing.T) {
			var section v1alpha1.CassandraSpec
			for _, rack := range c.is {
				section.Racks = append(section.Racks, v1alpha1.CassandraRack{Name: rack, Zone: "zone-" + rack})
			}
			p := renewer(t, certified(t), "")
			p.d, p.ledger.ledger = wrappers.MakeDatastore("db").Namespace("ns").UID("u").Cassandra(section).Obj(), c.was
			p.kit.Engine = cassandra.Engine{}
			if c.says == nil {
				if why := p.misnamed(); why != "" {
					t.Error(why)
				}
				return
			}
			err := p.decide(t.Context())
			b := p.findings.blocked
			if !errors.Is(err, errStop) || b == nil || b.Reason != v1alpha1.ReasonInvalidConfig || p.findings.decided {
				t.Fatalf("%v, told %v, decided %t", err, b, p.findings.decided)
			}
			for _, says := range c.says {
				if !strings.Contains(b.Message, says) {
					t.Errorf("told %s, without %s", b.Message, says)
				}
			}
		})
	}
}
