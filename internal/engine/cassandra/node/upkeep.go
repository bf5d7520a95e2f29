// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/cassandra"
)

// upkeep tells of the data's upkeep that is due.
func (l *local) upkeep(v *engine.View, leaving []string, facts map[string]string) error {
	due, err := l.cleanupDue(v)
	if err != nil {
		return err
	}
	if due {
		facts[cassandra.FactCleanup] = cassandra.CleanupDue
	}
	known, err := l.acquaint(v, leaving)
	if err != nil {
		return err
	}
	if known.misses(v) {
		facts[cassandra.FactRepair] = cassandra.RepairDue
	}
	if known.Repaired == ringName(v) {
		facts[cassandra.FactRepaired] = cassandra.RepairDone
	}
	return nil
}

// cleanupDue tells whether any member has joined since the data was last cleaned up. A
// member that has just joined has nothing to clean up: what it knows first is noted down.
func (l *local) cleanupDue(v *engine.View) (bool, error) {
	path := filepath.Join(l.config.DataDir, cassandra.CleanedFile)
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return false, writeRing(path, v)
	}
	if err != nil {
		return false, fmt.Errorf("reading for which ring the data was cleaned up: %w", err)
	}
	known := strings.Fields(string(text))
	return slices.ContainsFunc(v.Peers, func(p engine.Peer) bool { return p.Voter && !slices.Contains(known, p.ID) }), nil
}

func writeRing(path string, v *engine.View) error {
	var text strings.Builder
	for _, p := range v.Peers {
		if p.Voter {
			text.WriteString(p.ID + "\n")
		}
	}
	if err := atomicfile.Write(path, []byte(text.String()), 0o640); err != nil {
		return fmt.Errorf("noting down for which ring the data was cleaned up: %w", err)
	}
	return nil
}

// acquaintance is whom a member knows in the ring, and the ring for which its part of the
// data was last repaired.
type acquaintance struct {
	Known    []string `json:"known"`
	Repaired string   `json:"repaired,omitempty"`
}

// with returns whom it knows after another look: those that have a full part, without those
// that are leaving, which give away what they have. One that gives up to leave, or dies
// before it has left, is known again. Who is not there any more stays known until the data
// was repaired.
func (k acquaintance) with(v *engine.View, leaving []string) acquaintance {
	out := acquaintance{Repaired: k.Repaired}
	for _, id := range k.Known {
		if !slices.Contains(leaving, id) {
			out.Known = append(out.Known, id)
		}
	}
	for _, p := range v.Peers {
		if p.Voter && !slices.Contains(leaving, p.ID) && !slices.Contains(out.Known, p.ID) {
			out.Known = append(out.Known, p.ID)
		}
	}
	slices.Sort(out.Known)
	return out
}

// misses tells whether one that it knows is not in the ring any more.
func (k acquaintance) misses(v *engine.View) bool {
	return slices.ContainsFunc(k.Known, func(id string) bool {
		return !slices.ContainsFunc(v.Peers, func(p engine.Peer) bool { return p.ID == id })
	})
}

// acquaint reads whom the member knows, and writes it where the ring has changed.
func (l *local) acquaint(v *engine.View, leaving []string) (acquaintance, error) {
	var before acquaintance
	text, err := os.ReadFile(filepath.Join(l.config.DataDir, cassandra.RepairedFile))
	if err == nil {
		err = json.Unmarshal(text, &before)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return before, fmt.Errorf("reading who was known in the ring: %w", err)
	}
	after := before.with(v, leaving)
	if slices.Equal(after.Known, before.Known) {
		return after, nil
	}
	return after, l.remember(after)
}

// remember writes whom the member knows.
func (l *local) remember(k acquaintance) error {
	text, err := json.Marshal(k)
	if err == nil {
		err = atomicfile.Write(filepath.Join(l.config.DataDir, cassandra.RepairedFile), text, 0o640)
	}
	if err != nil {
		return fmt.Errorf("noting down who is known in the ring: %w", err)
	}
	return nil
}
