// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine"
)

// Volume is a data volume in use by one agent. All methods may be called from
// any goroutine.
type Volume struct {
	dir string
	id  Identity

	mu      sync.Mutex
	marker  *engine.Marker
	finding Finding
	// epoch is the highest seen; it is on the disk too once there is a marker.
	epoch int64
	// full is whether there was next to no room when that was last looked at.
	full bool
}

// Snapshot is a volume at one moment. Nothing in it is shared.
type Snapshot struct {
	Finding
	// Marker is nil where the volume has none that can be read.
	Marker *engine.Marker
	// Epoch is the highest that was seen.
	Epoch int64
}

// Look reads what is on a volume without changing anything. HoldsData tells
// whether names at its root are a server's own.
func Look(dir string, id Identity, holdsData func(names []string) bool) (Snapshot, error) {
	var e Evidence
	marker, err := readMarker(dir)
	switch {
	case errors.Is(err, errUnreadable):
		e.Unreadable = err.Error()
	case err != nil:
		return Snapshot{}, fmt.Errorf("look at the volume %s: %w", dir, err)
	}
	names, err := rootNames(dir)
	if err != nil {
		return Snapshot{}, fmt.Errorf("look at the volume %s: %w", dir, err)
	}
	e.Marker = marker
	e.Data = holdsData(names)
	s := Snapshot{Finding: Classify(id, e), Marker: marker}
	if marker != nil && s.State != engine.VolumeForeign {
		s.Epoch = marker.Epoch
	}
	return s, nil
}

// rootNames lists what might be a server's.
func rootNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !slices.Contains([]string{"lost+found", MarkerName, MarkerName + atomicfile.Suffix}, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Open looks at a volume and takes it into use. The volume is not looked at
// again: from here on only this agent changes its marker.
func Open(dir string, id Identity, holdsData func(names []string) bool) (*Volume, error) {
	s, err := Look(dir, id, holdsData)
	if err != nil {
		return nil, err
	}
	return &Volume{dir: dir, id: id, marker: s.Marker, finding: s.Finding, epoch: s.Epoch}, nil
}

// Refuse has the volume count as another's from now on, whatever is on it.
// Nothing is written.
func (v *Volume) Refuse(why string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.finding = foreign(why)
}

// Snapshot returns the volume as it is now.
func (v *Volume) Snapshot() Snapshot {
	v.mu.Lock()
	defer v.mu.Unlock()
	return Snapshot{Finding: v.finding, Marker: clone(v.marker), Epoch: v.epoch}
}

// See keeps an epoch if it is the highest so far, on the disk where the volume
// bears its own marker. A foreign volume is never written to.
func (v *Volume) See(epoch int64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if epoch <= v.epoch {
		return nil
	}
	if v.marked() {
		return v.store(v.changed(func(m *engine.Marker) { m.Epoch = epoch }))
	}
	v.epoch = epoch
	return nil
}

// Grant binds the volume by a new marker. It is for an empty volume, and for
// one whose data was retired; a grant to adopt is for data without a marker alone,
// and marks the volume as that of a member of a formed set.
func (v *Volume) Grant(g engine.Grant) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	adopts := g.Kind == engine.GrantAdopt
	switch s := v.finding.State; {
	case adopts && s != engine.VolumeUnmarked:
		return fmt.Errorf("write a grant to adopt to a volume in state %s: only one with data and without a marker takes it", s)
	case !adopts && s != engine.VolumeEmpty && s != engine.VolumeLeaving:
		return fmt.Errorf("write a grant to a volume in state %s: only an empty one or one that has left takes a grant", s)
	}
	return v.store(engine.Marker{Version: MarkerVersion, Member: v.id.Member, Grant: g, Formed: adopts, Epoch: v.epoch})
}

// MarkFormed keeps that the server was part of a formed set.
func (v *Volume) MarkFormed() error {
	return v.mark("formed", func(m *engine.Marker) { m.Formed = true })
}

// MarkLeaving keeps that a leave was begun.
func (v *Volume) MarkLeaving() error {
	return v.mark("leaving", func(m *engine.Marker) { m.Leaving = true })
}

// MarkRecovering keeps a recovery that the data has to be prepared for. An older
// one than is known changes nothing.
func (v *Volume) MarkRecovering(r engine.Recovery) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.finding.State != engine.VolumeMember && v.finding.State != engine.VolumeRecovering {
		return fmt.Errorf("mark the volume for a recovery: it is in state %s", v.finding.State)
	}
	if last := v.marker.Recovery; last != nil && last.Number >= r.Number {
		return nil
	}
	return v.store(v.changed(func(m *engine.Marker) { m.Recovery = &r }))
}

// MarkRecovered keeps that the data is prepared for the recovery that is marked.
func (v *Volume) MarkRecovered() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.finding.State != engine.VolumeRecovering {
		return fmt.Errorf("mark the volume as recovered: it is in state %s", v.finding.State)
	}
	return v.store(v.changed(func(m *engine.Marker) { m.Recovered = m.Recovery.Number }))
}

func (v *Volume) mark(as string, change func(*engine.Marker)) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.marked() {
		return fmt.Errorf("mark the volume as %s: it is in state %s and has no marker of its own", as, v.finding.State)
	}
	next := v.changed(change)
	if next.Formed == v.marker.Formed && next.Leaving == v.marker.Leaving {
		return nil
	}
	return v.store(next)
}

// marked tells whether the volume bears this member's own marker.
func (v *Volume) marked() bool {
	s := v.finding.State
	return s == engine.VolumeMember || s == engine.VolumeLeaving || s == engine.VolumeRecovering
}

// changed returns a copy of the marker with a change made to it.
func (v *Volume) changed(change func(*engine.Marker)) engine.Marker {
	next := *clone(v.marker)
	change(&next)
	return next
}

// store writes a marker and keeps it only when it is on the disk.
func (v *Volume) store(m engine.Marker) error {
	if err := writeMarker(v.dir, m); err != nil {
		return err
	}
	v.marker, v.epoch = clone(&m), m.Epoch
	v.finding = Finding{State: engine.VolumeMember}
	switch {
	case m.Leaving:
		v.finding.State = engine.VolumeLeaving
	case m.Recovering():
		v.finding.State = engine.VolumeRecovering
	}
	return nil
}

func clone(m *engine.Marker) *engine.Marker {
	if m == nil {
		return nil
	}
	out := *m
	out.Grant.Founders = slices.Clone(m.Grant.Founders)
	if r := m.Recovery; r != nil {
		out.Recovery = &engine.Recovery{Number: r.Number, Params: maps.Clone(r.Params)}
	}
	return &out
}
