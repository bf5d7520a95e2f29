// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import "time"

// An honest agent has news as often as it looks at its server, which is five
// times a second at most, and now and then some in a row. One that claims more
// (its word is untrusted) must not keep the manager busy.
const (
	pollEvery = 200 * time.Millisecond
	pollBurst = 20
)

// pacer bounds how often one agent is asked: pollBurst times in a row, and
// once every pollEvery in the long run. Its zero value is ready for use.
type pacer struct {
	// paid is the time up to which the calls so far are paid for.
	paid time.Time
}

// next books a call and returns how long it has to wait.
func (p *pacer) next(now time.Time) time.Duration {
	if p.paid.Before(now) {
		p.paid = now
	}
	p.paid = p.paid.Add(pollEvery)
	return max(0, p.paid.Sub(now)-pollBurst*pollEvery)
}
