// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestFarewells(t *testing.T) {
	for name, tc := range map[string]struct {
		stable, asked bool
		want          time.Duration
	}{
		"of a member with a stable address, counted from the first word": {true, true, farewell - 400*time.Millisecond},
		"an agent that is replaced beside a server that goes on":         {true, false, 0},
		"peers find this member by the address of its pod":               {false, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &Agent{stable: tc.stable}
				if tc.asked {
					a.end()
				}
				time.Sleep(400 * time.Millisecond)
				if tc.asked {
					a.end()
				}
				began := time.Now()
				<-a.farewells()
				if got := time.Since(began); got != tc.want {
					t.Errorf("the agent stayed for %s, want %s", got, tc.want)
				}
			})
		})
	}
}
