// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"encoding/json"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/plan"
)

// TestTheLedgerSaysWhatWasAdopted from its first byte; one that was written before that
// was kept takes it from the specification once, and one of a set that was not adopted
// never does.
func TestTheLedgerSaysWhatWasAdopted(t *testing.T) {
	closed := plan.Adopted{Authentication: v1alpha1.AuthenticationKeyFile, SetName: "rs0"}
	for name, c := range map[string]struct {
		change   func(*plan.State)
		template string
		want     *plan.Adopted
	}{
		"the first one":                        {func(s *plan.State) { agree(s); s.Ledger = nil }, "mongo-data", &adoptedAs},
		"under way, of before it was kept":     {func(s *plan.State) { s.Ledger.Adopted = nil }, "mongo-data", &adoptedAs},
		"under way, of before any of it was":   {func(s *plan.State) { s.Ledger.Adopted, s.Ledger.ClaimTemplate = nil, "" }, "mongo-data", &adoptedAs},
		"adopted, of before it was kept":       {func(s *plan.State) { s.Ledger.Adopted, s.Ledger.Adoption = nil, nil }, "mongo-data", &adoptedAs},
		"it is there":                          {func(s *plan.State) { s.Ledger.Adopted, s.Ledger.Adoption = &closed, nil }, "mongo-data", &closed},
		"a Datastore that does not tell of it": {func(s *plan.State) { s.Ledger.Adopted, s.Ledger.Adoption, s.Wanted.Adopts = nil, nil, false }, "mongo-data", nil},
		"never adopted": {func(s *plan.State) {
			s.Ledger = &plan.Ledger{ClusterID: "c", Formed: true, FormationSize: 3}
			s.Wanted.Adopts = false
		}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHand()
			w.approved = true
			s := w.state(&w.managers[0])
			s.Ledger = plan.Next(mongodb.Engine{}, s).Ledger
			c.change(&s)
			l := plan.Next(mongodb.Engine{}, s).Ledger
			if l == nil || l.ClaimTemplate != c.template || (l.Adopted == nil) != (c.want == nil) || c.want != nil && *l.Adopted != *c.want {
				t.Fatalf("ledger %+v", l)
			}
			if again := s; c.want != nil {
				again.Ledger = l
				if next := plan.Next(mongodb.Engine{}, again).Ledger; !next.Equal(l) {
					t.Errorf("written again: %+v, then %+v", l, next)
				}
				if other := l.Clone(); other.Adopted == l.Adopted {
					t.Error("a clone shares it")
				} else if other.Adopted.SetName = "rs9"; other.Equal(l) {
					t.Error("another one is the same")
				}
			}
		})
	}
}

// TestALedgerOfBeforeIsRead: what was adopted was not kept in it, and its grants tell.
func TestALedgerOfBeforeIsRead(t *testing.T) {
	for text, adopted := range map[string]bool{
		`{"clusterID":"c","formed":true}`:                                                                  false,
		`{"clusterID":"c","formed":true,"members":{"db-0":{"grant":"Join"}}}`:                              false,
		`{"clusterID":"c","formed":true,"claimTemplate":"data"}`:                                           true,
		`{"clusterID":"c","formed":true,"adoption":{"statefulSet":"u"}}`:                                   true,
		`{"clusterID":"c","formed":true,"members":{"db-0":{"grant":"` + string(engine.GrantAdopt) + `"}}}`: true,
		`{"clusterID":"c","claimTemplate":"data","adopted":{"authentication":"None"}}`:                     true,
	} {
		var l plan.Ledger
		if err := json.Unmarshal([]byte(text), &l); err != nil || l.WasAdopted() != adopted {
			t.Errorf("%s: adopted %v, %v", text, l.WasAdopted(), err)
		}
	}
}
