// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package observer looks at a member's server again and again and puts what it
// finds on the board.
package observer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/quorate/quorate/internal/agent/board"
	"github.com/quorate/quorate/internal/agent/keeper"
	"github.com/quorate/quorate/internal/agent/mounts"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
)

// Server is the part of an engine's local half that looks.
type Server interface {
	Observe(ctx context.Context) (engine.Server, error)
}

// Observer of one member.
type Observer struct {
	server Server
	keeper *keeper.Keeper
	board  *board.Board
	mounts *mounts.Mounts
	acting func() bool
	kicked chan struct{}

	// mu has one look published at a time. Looks themselves may overlap: who
	// asks for one does not wait for the end of another.
	mu         sync.Mutex
	complaints complaints
	// begun counts looks; shown is the last of them that was published.
	begun, shown uint64
}

// New returns an observer. Acting tells whether an action is being carried
// out, in which case it looks more often.
func New(s Server, k *keeper.Keeper, b *board.Board, m *mounts.Mounts, acting func() bool) *Observer {
	return &Observer{
		server: s, keeper: k, board: b, mounts: m, acting: acting,
		kicked: make(chan struct{}, 1), complaints: complaints{},
	}
}

// Kick has the server looked at now rather than at the next time.
func (o *Observer) Kick() {
	select {
	case o.kicked <- struct{}{}:
	default:
	}
}

// Run looks until ctx ends.
func (o *Observer) Run(ctx context.Context) error {
	for {
		server, err := o.look(ctx)
		if err != nil {
			return fmt.Errorf("publish what was observed: %w", err)
		}
		timer := time.NewTimer(o.pace(server))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-o.kicked:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// Look observes the server now, publishes it and returns it. Who asks may go
// away meanwhile: that says nothing of the server.
func (o *Observer) Look(ctx context.Context) engine.Server {
	server, err := o.look(context.WithoutCancel(ctx))
	if err != nil {
		return engine.Server{}
	}
	return server
}

// look takes protocol.LookTime at most where the disk answers. A disk that does
// not is waited for: what was published before it stopped is no answer.
func (o *Observer) look(ctx context.Context) (engine.Server, error) {
	turn := o.begin()
	// What is reported under an epoch was seen after the epoch was: by that a
	// manager tells it from what was seen before.
	epoch := o.keeper.Volume().Epoch
	// The gate first: a member whose server waits for nothing else is released
	// here, also after a failure.
	problems := map[string]error{"gate": o.keeper.Settle()}
	released := o.keeper.Released()
	server, err := o.observe(ctx)
	if ctx.Err() != nil {
		// Cut off by the agent's own end.
		return engine.Server{}, nil
	}
	problems["server"] = err
	problems["formed"] = o.formed(server)
	return server, o.show(turn, epoch, server, released, problems)
}

func (o *Observer) begin() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.begun++
	return o.begun
}

// show publishes a look, unless one that began later was published already.
func (o *Observer) show(turn uint64, epoch int64, server engine.Server, released bool, problems map[string]error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if turn < o.shown {
		return nil
	}
	o.shown = turn
	hashes, err := o.mounts.Hashes()
	problems["mounts"] = err
	return o.publish(epoch, server, released, hashes, problems)
}

// observe asks the server of a volume that was granted; one that does not run
// has an identity all the same. One that cannot be asked is reported as not
// running, and the failure as a problem.
func (o *Observer) observe(ctx context.Context) (engine.Server, error) {
	if s := o.keeper.Volume().State; s != engine.VolumeMember && s != engine.VolumeLeaving && s != engine.VolumeRecovering {
		return engine.Server{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, protocol.LookTime)
	defer cancel()
	server, err := o.server.Observe(ctx)
	if err != nil {
		return engine.Server{}, fmt.Errorf("observe the server: %w", err)
	}
	return server, nil
}

func (o *Observer) formed(server engine.Server) error {
	if !server.Running || !server.Formed {
		return nil
	}
	return o.keeper.Formed()
}

func (o *Observer) publish(epoch int64, server engine.Server, released bool, hashes map[string]string, problems map[string]error) error {
	volume := o.keeper.Volume()
	full, err := o.keeper.Full()
	problems["room"] = err
	return o.board.Update(func(d *board.Draft) {
		d.Volume, d.VolumeFull, d.Epoch = volume.State, full, epoch
		d.ClusterID, d.ClaimUID, d.Grant, d.Recovery, d.Recovered = "", "", "", 0, 0
		if m := volume.Marker; m != nil {
			d.ClusterID, d.ClaimUID, d.Grant = m.Grant.ClusterID, m.Grant.ClaimUID, m.Grant.Kind
			d.Recovered = m.Recovered
			if r := m.Recovery; r != nil {
				d.Recovery = r.Number
			}
		}
		d.Released = released
		d.Server = server
		d.Mounts = hashes
		d.Problems["volume"] = volume.Why
		for about, problem := range problems {
			d.Problems[about] = o.complaints.text(about, problem, time.Now())
		}
	})
}

func (o *Observer) pace(server engine.Server) time.Duration {
	marker := o.keeper.Volume().Marker
	return pace(server, facts{
		released: o.keeper.Released(), open: o.keeper.Open(),
		formed: marker != nil && marker.Formed, acting: o.acting(),
	})
}
