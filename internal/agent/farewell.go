// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/quorate/quorate/internal/agent/board"
)

// farewell is for how long after preStop was asked for the pod's network is kept,
// where the member has a stable address. Meanwhile peers that dial it are refused at
// once. Without a network they would wait for their own time-outs, until the operator
// has withdrawn the address and each node has heard of it: that takes some tenths of
// a second from the deletion, and a server as long to end.
//
// It is counted from preStop, since that comes right after the deletion, and only
// then: an agent that is replaced in place, beside a server that goes on, ends at once.
const farewell = 600 * time.Millisecond

// farewells is when the agent may end at the earliest.
func (a *Agent) farewells() <-chan time.Time {
	asked := a.ending.Load()
	if asked == nil || !a.stable {
		return time.After(0)
	}
	return time.After(time.Until(asked.Add(farewell)))
}

// end notes that the server is to end, and says so: its pod is withdrawn from the
// address of its member on that word alone.
func (a *Agent) end() {
	now := time.Now()
	a.ending.Store(&now)
	if err := a.board.Update(func(d *board.Draft) { d.Ending = true }); err != nil {
		a.log.Error("publish that the server is to end", "error", err)
	}
}
