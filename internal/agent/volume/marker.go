// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package volume knows whose a data volume is: it keeps the marker that binds
// it to its datastore, and tells the states of a volume apart.
package volume

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/faultpoint"
)

const (
	// MarkerName is the marker's file at the root of the volume.
	MarkerName = ".quorate.json"
	// MarkerVersion is the format that this build writes, and the newest that
	// it reads.
	MarkerVersion = 1
	// maxMarkerBytes bounds what is read.
	maxMarkerBytes = 64 << 10
)

// beforeRename lies between the marker's content and its name being on disk.
var beforeRename = faultpoint.New("agent.marker-staged")

// errUnreadable is a marker that is there and says nothing that this build
// understands. It is never taken for no marker.
var errUnreadable = errors.New("the volume's marker cannot be read")

// readMarker returns nil where the volume has no marker.
func readMarker(dir string) (*engine.Marker, error) {
	path := filepath.Join(dir, MarkerName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for the marker: %w", err)
	}
	if info.Size() > maxMarkerBytes {
		return nil, fmt.Errorf("%w: it has %d bytes", errUnreadable, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the marker: %w", err)
	}
	return parseMarker(text)
}

func parseMarker(text []byte) (*engine.Marker, error) {
	var m engine.Marker
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if m.Version < 1 || m.Version > MarkerVersion {
		return nil, fmt.Errorf("%w: it has version %d, and this build knows up to %d", errUnreadable, m.Version, MarkerVersion)
	}
	if m.Member == "" || m.Grant.ClusterID == "" || !knownGrant(m.Grant.Kind) {
		return nil, fmt.Errorf("%w: it names no member, cluster or grant", errUnreadable)
	}
	return &m, nil
}

func knownGrant(k engine.GrantKind) bool {
	return k == engine.GrantForm || k == engine.GrantJoin || k == engine.GrantAdopt
}

// writeMarker returns when the marker is on the disk.
func writeMarker(dir string, m engine.Marker) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the marker: %w", err)
	}
	path := filepath.Join(dir, MarkerName)
	if err := atomicfile.WriteSynced(path, append(text, '\n'), 0o640, beforeRename.Reach); err != nil {
		return fmt.Errorf("write the marker: %w", err)
	}
	return nil
}
