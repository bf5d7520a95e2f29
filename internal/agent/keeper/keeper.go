// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package keeper carries out what the gate decides: it writes grants and marks
// to the volume, has the engine write what a granted server needs, and lifts
// or sets the hold.
//
// Whatever the moment of a crash, what is on the disk keeps these promises:
//
//   - while the hold is not set, the volume bears a grant of this set and no
//     leave was begun;
//   - while the volume is marked as formed, no setting is rendered that could
//     form another set;
//   - a volume's data is prepared for a recovery only with the proof that no
//     server runs on it, and not again once a server may have started after it;
//   - data is removed only under a grant to join, from a volume whose member
//     has left, with the proof that no server runs on it.
package keeper

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/quorate/quorate/internal/agent/gate"
	"github.com/quorate/quorate/internal/agent/hold"
	"github.com/quorate/quorate/internal/agent/volume"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/faultpoint"
)

var (
	dataRetired    = faultpoint.New("agent.data-retired")
	markerWritten  = faultpoint.New("agent.marker-written")
	configReleased = faultpoint.New("agent.config-released")
	gateOpened     = faultpoint.New("agent.gate-opened")
	formDropped    = faultpoint.New("agent.form-dropped")
	formedMarked   = faultpoint.New("agent.formed-marked")
	leaveHeld      = faultpoint.New("agent.leave-held")
	leaveMarked    = faultpoint.New("agent.leave-marked")

	recoveryHeld     = faultpoint.New("agent.recovery-held")
	recoveryMarked   = faultpoint.New("agent.recovery-marked")
	recoveryPrepared = faultpoint.New("agent.recovery-prepared")
)

// Recover prepares the data on the volume for a recovery.
type Recover func(r engine.Recovery) error

// Releaser is the part of an engine's local half that writes settings for a
// granted server.
type Releaser interface {
	Release(m engine.Marker) error
}

// Keeper keeps one member's gate. All methods may be called from any
// goroutine.
type Keeper struct {
	volume *volume.Volume
	hold   hold.Dir
	local  Releaser
	retire func() error
	// recover is nil where the engine knows no recovery.
	recover Recover

	mu   sync.Mutex
	open bool
	// released is the marker that settings were last written for.
	released *engine.Marker
}

// New returns the keeper of a volume. Retire removes the server's data from
// it. Recover may be nil.
func New(v *volume.Volume, h hold.Dir, local Releaser, retire func() error, recover Recover) *Keeper {
	return &Keeper{volume: v, hold: h, local: local, retire: retire, recover: recover}
}

// Volume returns the volume as it is now.
func (k *Keeper) Volume() volume.Snapshot { return k.volume.Snapshot() }

// Full tells whether there is next to no room on the volume.
func (k *Keeper) Full() (bool, error) { return k.volume.Full() }

// See keeps the highest epoch.
func (k *Keeper) See(epoch int64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.volume.See(epoch); err != nil {
		return fmt.Errorf("keep the epoch %d: %w", epoch, err)
	}
	return nil
}

// Open tells whether the server may start now.
func (k *Keeper) Open() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.open
}

// Released tells whether a server may be running: the gate is open, or was,
// and the server has not ended yet. Where that cannot be found out it may.
func (k *Keeper) Released() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.open {
		return true
	}
	idle, err := k.hold.Idle()
	return err != nil || !idle
}

// Settle brings hold and settings to what the volume says. It does nothing
// where they are, and is repeated until it succeeds.
func (k *Keeper) Settle() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.settle()
}

func (k *Keeper) settle() error {
	if err := k.prepareRecovery(); err != nil {
		return err
	}
	s := k.volume.Snapshot()
	if !gate.Decide(s.State).Open {
		k.open = false
		return k.hold.Set()
	}
	if err := k.release(*s.Marker); err != nil {
		return err
	}
	if k.open {
		return nil
	}
	if err := k.hold.Lift(); err != nil {
		return err
	}
	gateOpened.Reach()
	k.open = true
	return nil
}

// release writes the settings for a marker unless they are written.
func (k *Keeper) release(m engine.Marker) error {
	if k.released != nil && reflect.DeepEqual(k.released.Grant, m.Grant) && (k.released.Formed || !m.Formed) {
		return nil
	}
	if err := k.local.Release(m); err != nil {
		return fmt.Errorf("write the settings of a granted server: %w", err)
	}
	configReleased.Reach()
	k.released = &m
	return nil
}
