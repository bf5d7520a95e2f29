// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/internal/agent/board"
	"github.com/quorate/quorate/internal/engine"
)

func TestFarewells(t *testing.T) {
	for name, tc := range map[string]struct {
		stable, asked bool
		want          time.Duration
	}{
		"of a member with a stable address":                      {true, true, farewell - 400*time.Millisecond},
		"an agent that is replaced beside a server that goes on": {true, false, 0},
		"peers find this member by the address of its pod":       {false, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, err := board.New(engine.Report{})
				if err != nil {
					t.Fatal(err)
				}
				a := &Agent{stable: tc.stable, board: b, log: slog.New(slog.DiscardHandler)}
				if tc.asked {
					a.end()
				}
				if b.Report().Ending != tc.asked {
					t.Errorf("the report says ending: %v", b.Report().Ending)
				}
				time.Sleep(400 * time.Millisecond)
				began := time.Now()
				<-a.farewells()
				if got := time.Since(began); got != tc.want {
					t.Errorf("the agent stayed for %s, want %s", got, tc.want)
				}
			})
		})
	}
}
