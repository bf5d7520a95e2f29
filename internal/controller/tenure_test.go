// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"time"
)

// A manager that finds a higher epoch than its own leaves the Datastore alone
// for longer than a lease lasts, and then has to take it over again.
func TestSuperseded(t *testing.T) {
	const uid = "u"
	now := time.Unix(1_800_000_000, 0)
	r := newTenure()
	if r.superseded(uid, 5, now) {
		t.Error("a manager that holds nothing yet is superseded")
	}
	r.hold(uid, 6)
	if r.superseded(uid, 6, now) || r.epoch(uid) != 6 {
		t.Errorf("its own epoch: %d", r.epoch(uid))
	}
	if !r.superseded(uid, 7, now) {
		t.Error("a higher epoch is not noticed")
	}
	if r.epoch(uid) != 0 {
		t.Errorf("it still holds the epoch %d", r.epoch(uid))
	}
	if !r.superseded(uid, 7, now.Add(supersededFor-time.Second)) {
		t.Error("it does not wait")
	}
	if r.superseded(uid, 7, now.Add(supersededFor)) {
		t.Error("it waits for ever")
	}
	if r.superseded("another", 7, now) {
		t.Error("another Datastore is left alone too")
	}
}

// An epoch that agents refuse, and that is the ledger's all the same, is given
// up, so that the next action raises one over what they have seen.
func TestAnEpochInDoubt(t *testing.T) {
	const uid = "u"
	now := time.Unix(1_800_000_000, 0)
	r := newTenure()
	r.hold(uid, 6)
	r.doubt(uid)
	if r.epoch(uid) != 6 {
		t.Error("given up before the ledger was read")
	}
	if r.superseded(uid, 6, now) || r.epoch(uid) != 0 {
		t.Errorf("it still holds the epoch %d", r.epoch(uid))
	}
	r.hold(uid, 7)
	if r.superseded(uid, 7, now) || r.epoch(uid) != 7 {
		t.Error("the doubt outlived its epoch")
	}
	r.doubt(uid)
	if !r.superseded(uid, 8, now) {
		t.Error("a successor is not noticed for doubt")
	}
	r.hold(uid, 9)
	r.release(uid)
	if r.epoch(uid) != 0 {
		t.Error("released, and still held")
	}
}

func TestDiffersSince(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	r := newTenure()
	r.hold("u", 3)
	r.differsSince("u", now)
	if since := r.differsSince("u", now.Add(time.Second)); !since.Equal(now) || r.epoch("u") != 3 {
		t.Errorf("differs since %s under the epoch %d", since, r.epoch("u"))
	}
	r.agrees("u")
	if since := r.differsSince("u", now.Add(time.Minute)); !since.Equal(now.Add(time.Minute)) {
		t.Errorf("differs since %s although it has agreed since", since)
	}
}
