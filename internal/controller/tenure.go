// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// supersededFor is how long a manager leaves a Datastore alone after another
// one has raised the epoch over its own. It is longer than a lease lasts: a
// manager that has lost its lease has ended by then. One that still runs is
// in charge, whatever the other was, and takes the Datastore over again.
const supersededFor = 30 * time.Second

// tenure is what this process remembers of Datastores. Losing it costs a
// raised epoch and a little patience with the status, no more.
type tenure struct {
	mu      sync.Mutex
	records map[types.UID]record
}

// record is what is remembered of one Datastore.
type record struct {
	// epoch is the one that this manager holds; 0 for none.
	epoch int64
	// doubted is set when an agent has refused that epoch or the step as stale.
	doubted bool
	// barred is until when another manager is taken to be in charge.
	barred time.Time
	// differs is since when the written status differs from what is seen; zero
	// where it does not.
	differs time.Time
	// refused is what the API server said to a larger claim.
	refused refusal
}

func newTenure() *tenure { return &tenure{records: map[types.UID]record{}} }

func (t *tenure) read(uid types.UID) record {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.records[uid]
}

func (t *tenure) change(uid types.UID, change func(*record)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.records[uid]
	change(&r)
	t.records[uid] = r
}

func (t *tenure) epoch(uid types.UID) int64 { return t.read(uid).epoch }

// hold notes an epoch that this manager has written.
func (t *tenure) hold(uid types.UID, epoch int64) {
	t.change(uid, func(r *record) { r.epoch, r.doubted = epoch, false })
}

// release forgets an epoch, so that the next action raises a new one.
func (t *tenure) release(uid types.UID) {
	t.change(uid, func(r *record) { r.epoch, r.doubted = 0, false })
}

// doubt has the next pass look whether the epoch is still the highest.
func (t *tenure) doubt(uid types.UID) { t.change(uid, func(r *record) { r.doubted = true }) }

// superseded tells whether another manager is in charge, given the epoch in the
// ledger now. An epoch in doubt that is still the ledger's is released: agents
// have seen a later one than a ledger that was restored from a backup.
func (t *tenure) superseded(uid types.UID, epoch int64, now time.Time) bool {
	out := false
	t.change(uid, func(r *record) {
		switch {
		case r.epoch > 0 && epoch > r.epoch:
			r.epoch, r.doubted, r.barred = 0, false, now.Add(supersededFor)
		case r.doubted:
			r.epoch, r.doubted = 0, false
		}
		out = now.Before(r.barred)
	})
	return out
}

// differsSince notes that the status differs, and returns since when it does.
func (t *tenure) differsSince(uid types.UID, now time.Time) time.Time {
	t.change(uid, func(r *record) {
		if r.differs.IsZero() {
			r.differs = now
		}
	})
	return t.read(uid).differs
}

// agrees notes that the status says what is seen.
func (t *tenure) agrees(uid types.UID) { t.change(uid, func(r *record) { r.differs = time.Time{} }) }
