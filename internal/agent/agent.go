// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package agent is the native sidecar beside one server. It holds the server
// back until it may start, reports, and carries out one local action at a
// time. It has no Kubernetes credentials and talks to nobody of its own accord.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/internal/agent/action"
	"github.com/quorate/quorate/internal/agent/board"
	"github.com/quorate/quorate/internal/agent/gate"
	"github.com/quorate/quorate/internal/agent/hold"
	"github.com/quorate/quorate/internal/agent/keeper"
	"github.com/quorate/quorate/internal/agent/mounts"
	"github.com/quorate/quorate/internal/agent/observer"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/agent/settings"
	"github.com/quorate/quorate/internal/agent/volume"
	"github.com/quorate/quorate/internal/engine"
)

// Agent of one pod.
type Agent struct {
	settings settings.Settings
	log      *slog.Logger
	local    engine.Local

	keeper   *keeper.Keeper
	board    *board.Board
	runner   *action.Runner
	observer *observer.Observer
	desk     *action.Desk

	// stable is set where the member has an address that outlives the pod.
	stable bool
	// ending is when preStop was asked for last; nil before.
	ending atomic.Pointer[time.Time]
}

// New looks at the volume and makes the agent; nothing is started yet.
func New(s settings.Settings, kit engine.Kit, log *slog.Logger) (*Agent, error) {
	local, err := kit.NewLocal(engine.LocalConfig{
		Member: s.Member, ConfigDir: s.ConfigDir, DataDir: s.DataDir, SecretDir: s.SecretDir, RunDir: s.RunDir,
	})
	if err != nil {
		return nil, fmt.Errorf("make the %s half of the agent: %w", kit.Name, err)
	}
	v, err := openVolume(s, kit.Renderer)
	if err != nil {
		return nil, err
	}
	found := v.Snapshot()
	log.Info("looked at the volume", "state", found.State, "why", found.Why)
	b, err := board.New(engine.Report{
		Protocol: protocol.Version, Member: s.Member, PodUID: s.PodUID, Volume: found.State, Epoch: found.Epoch,
	})
	if err != nil {
		return nil, fmt.Errorf("make the first report: %w", err)
	}
	a := &Agent{settings: s, log: log, local: local, board: b, stable: kit.Engine.Traits().StableAddress}
	var prepare keeper.Recover
	if l, ok := local.(engine.LocalRecoverer); ok {
		prepare = l.Recover
	}
	a.keeper = keeper.New(v, hold.Dir(s.RunDir), local, func() error { return kit.Renderer.Retire(s.DataDir) }, prepare)
	a.runner = action.NewRunner(a.acted)
	mounted := mounts.New(map[string]string{mounts.Member: s.SecretDir, mounts.Shared: s.SharedDir})
	a.observer = observer.New(local, a.keeper, b, mounted, a.runner.Acting)
	a.desk = &action.Desk{
		Member: s.Member, PodUID: s.PodUID, ClusterID: s.ClusterID,
		Keeper: a.keeper, Runner: a.runner,
		Do: local.Do, Look: a.observer.Look, Changed: a.observer.Kick,
	}
	return a, nil
}

// openVolume takes the volume into use. Where init refused it nothing was
// rendered, so that it stays refused though it may look better now.
func openVolume(s settings.Settings, r engine.Renderer) (*volume.Volume, error) {
	v, err := volume.Open(s.DataDir, volume.Identity{Member: s.Member, ClusterID: s.ClusterID, Adopts: s.Adopts}, r.HoldsData)
	if err != nil {
		return nil, err
	}
	note, err := os.ReadFile(filepath.Join(s.RunDir, settings.RefusalName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("read why init refused the volume: %w", err)
	case v.Snapshot().State != engine.VolumeForeign:
		v.Refuse(strings.TrimSpace(string(note)) + " (as init found it; it is looked at again when the pod is replaced)")
	}
	return v, nil
}

// acted publishes how far an action has come.
func (a *Agent) acted(s engine.ActionState) {
	a.log.Info("action", "id", s.ID, "kind", s.Kind, "done", s.Done, "error", s.Error)
	err := a.board.Update(func(d *board.Draft) { d.Action = &s })
	if err != nil {
		a.log.Error("publish how far an action has come", "id", s.ID, "error", err)
	}
}

// look has the board tell of the server as it is now.
func (a *Agent) look(ctx context.Context) { a.observer.Look(ctx) }

// started is the answer to the startup probe.
func (a *Agent) started() (bool, string) {
	if a.keeper.Open() {
		return true, "the server may start"
	}
	d := gate.Decide(a.keeper.Volume().State)
	if d.Open {
		return false, "the server's settings are being written"
	}
	return false, d.Waits
}

// ready is the answer to the readiness probe.
func (a *Agent) ready() (bool, string) {
	if !a.keeper.Open() {
		return false, "the gate is not open"
	}
	if !a.board.Report().Server.Serving {
		return false, "the server does not serve, or has not caught up"
	}
	return true, "the member serves"
}

// drain hands over what the server leads. Where no server can be running there
// is nothing to hand over.
func (a *Agent) drain(ctx context.Context) error {
	if !a.keeper.Released() {
		return nil
	}
	a.end()
	defer a.observer.Kick()
	if err := a.local.Drain(ctx); err != nil {
		return fmt.Errorf("hand over what the server leads: %w", err)
	}
	return nil
}
