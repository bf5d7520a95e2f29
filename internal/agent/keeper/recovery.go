// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package keeper

import (
	"errors"
	"fmt"

	"github.com/quorate/quorate/internal/engine"
)

var errNoRecovery = errors.New("this engine knows no recovery")

// BeginRecovery has this member's server not start again before its data was
// prepared for a recovery. One that runs is left alone: it has nothing to serve
// with, and ends with its pod. The hold comes first, since the mark alone does
// not keep a container from being restarted.
func (k *Keeper) BeginRecovery(r engine.Recovery) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.recover == nil {
		return errNoRecovery
	}
	m := k.volume.Snapshot().Marker
	if m != nil && m.Recovery != nil && m.Recovery.Number >= r.Number {
		return k.settle()
	}
	if err := k.hold.Set(); err != nil {
		return err
	}
	recoveryHeld.Reach()
	k.open = false
	if err := k.volume.MarkRecovering(r); err != nil {
		return errors.Join(err, k.settle())
	}
	recoveryMarked.Reach()
	return k.settle()
}

// GiveUpRecovery has the data never be prepared for a recovery that was told of,
// unless it has been: the server may start again as it is.
func (k *Keeper) GiveUpRecovery(number int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.volume.Snapshot()
	if s.State != engine.VolumeRecovering || s.Marker.Recovery.Number != number {
		return nil
	}
	if err := k.volume.MarkRecovered(); err != nil {
		return err
	}
	return k.settle()
}

// prepareRecovery prepares the data where that was asked for and no server runs.
// A crash between the data and the mark has it done again, before any server has
// started.
func (k *Keeper) prepareRecovery() error {
	s := k.volume.Snapshot()
	if s.State != engine.VolumeRecovering {
		return nil
	}
	if k.recover == nil {
		return errNoRecovery
	}
	k.open = false
	if err := k.hold.Set(); err != nil {
		return err
	}
	done, idle, err := k.hold.Exclude()
	if err != nil || !idle {
		return err
	}
	defer done()
	if err := k.recover(*s.Marker.Recovery); err != nil {
		return fmt.Errorf("prepare the data for recovery %d: %w", s.Marker.Recovery.Number, err)
	}
	recoveryPrepared.Reach()
	return k.volume.MarkRecovered()
}
