// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"testing"
	"time"
)

func TestPacer(t *testing.T) {
	var p pacer
	now := time.Unix(1_800_000_000, 0)
	for i := range pollBurst {
		if d := p.next(now); d != 0 {
			t.Fatalf("call %d in a row waits %s", i+1, d)
		}
	}
	if d := p.next(now); d != pollEvery {
		t.Errorf("the call after the burst waits %s, want %s", d, pollEvery)
	}
	now = now.Add(pollEvery)
	if d := p.next(now); d != pollEvery {
		t.Errorf("the next one, after its wait, waits %s, want %s", d, pollEvery)
	}
	now = now.Add(time.Hour)
	for i := range pollBurst {
		if d := p.next(now); d != 0 {
			t.Fatalf("call %d after an hour of rest waits %s", i+1, d)
		}
	}
}
