// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package keeper

import (
	"errors"
	"fmt"

	"github.com/quorate/quorate/internal/agent/gate"
	"github.com/quorate/quorate/internal/engine"
)

// ErrServerRuns is why data is not retired: the pod's server has not ended.
var ErrServerRuns = errors.New("the server that was told to leave still runs in this pod")

// Grant binds the volume and opens the gate. The marker is on the disk before
// anything is written that a server could read.
func (k *Keeper) Grant(g engine.Grant) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.volume.Snapshot()
	verdict, why := gate.Judge(s.State, s.Marker, g)
	switch verdict {
	case gate.Have:
		return k.settle()
	case gate.Take:
	case gate.TakeAfterRetiring:
		if err := k.retireData(); err != nil {
			return err
		}
	default:
		return fmt.Errorf("take a grant to %s: %s", g.Kind, why)
	}
	if err := k.volume.Grant(g); err != nil {
		return err
	}
	markerWritten.Reach()
	return k.settle()
}

// retireData removes what a member that has left leaves behind. A crash in it
// leaves the volume marked as leaving, so that it is done again.
func (k *Keeper) retireData() error {
	if err := k.hold.Set(); err != nil {
		return err
	}
	done, ok, err := k.hold.Exclude()
	if err != nil {
		return err
	}
	if !ok {
		return ErrServerRuns
	}
	defer done()
	if err := k.retire(); err != nil {
		return fmt.Errorf("remove the data of the member that has left: %w", err)
	}
	k.released = nil // part of what was written for the server was among it
	dataRetired.Reach()
	return nil
}

// Formed keeps, the first time, that the server is part of a formed set. The
// settings to form are dropped before the mark is written: a mark with such
// settings beside it must never be on the disk.
func (k *Keeper) Formed() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.volume.Snapshot()
	if s.State != engine.VolumeMember || s.Marker.Formed {
		return nil
	}
	next := *s.Marker
	next.Formed = true
	if err := k.local.Release(next); err != nil {
		return fmt.Errorf("drop the settings to form: %w", err)
	}
	formDropped.Reach()
	k.released = &next
	if err := k.volume.MarkFormed(); err != nil {
		return err
	}
	formedMarked.Reach()
	return nil
}

// BeginLeave makes sure that this member's server never starts on its data
// again, before it is told to leave. The hold comes first, since the mark alone
// does not keep a container from being restarted.
func (k *Keeper) BeginLeave() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.hold.Set(); err != nil {
		return err
	}
	leaveHeld.Reach()
	k.open = false
	if err := k.volume.MarkLeaving(); err != nil {
		return err
	}
	leaveMarked.Reach()
	return nil
}
