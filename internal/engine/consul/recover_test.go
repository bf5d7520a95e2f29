// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"testing"

	"github.com/quorate/quorate/internal/engine"
)

func TestRemainsAreThoseOfTheNewestLog(t *testing.T) {
	survivor := func(ordinal int, log, voters string) engine.MemberObservation {
		name := []string{"db-0", "db-1", "db-2"}[ordinal]
		return engine.MemberObservation{Name: name, Ordinal: ordinal, Address: "10.0.0.1", Report: &engine.Report{
			Server: engine.Server{ID: "id-" + name, Facts: map[string]string{FactLog: log, FactVoters: voters}},
		}}
	}
	for name, c := range map[string]struct {
		logs   []string
		newest string
	}{
		"one":                              {[]string{"3/17"}, "db-0"},
		"the longer log":                   {[]string{"3/17", "3/18", "3/9"}, "db-1"},
		"the later term before the length": {[]string{"3/170", "4/18", "3/171"}, "db-1"},
		"alike: the lowest ordinal":        {[]string{"3/17", "3/17", "3/17"}, "db-0"},
		"not by digits":                    {[]string{"9/9", "10/1"}, "db-1"},
		"one that does not say":            {[]string{"3/17", ""}, ""},
		"one that says nonsense":           {[]string{"3/17", "x/y"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var have []engine.MemberObservation
			for i, log := range c.logs {
				have = append(have, survivor(i, log, "id-db-0,id-db-9"))
			}
			got := Engine{}.Remains(have)
			if got.Newest != c.newest || got.Why == "" || c.newest != "" && len(got.Voters) != 2 {
				t.Errorf("%+v, want %q", got, c.newest)
			}
		})
	}
}
