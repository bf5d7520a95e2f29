// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/quorate/quorate/internal/agent/fence"
	"github.com/quorate/quorate/internal/agent/gate"
	"github.com/quorate/quorate/internal/agent/keeper"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/faultpoint"
)

var (
	accepted  = faultpoint.New("agent.action-accepted")
	leaveDone = faultpoint.New("agent.leave-asked")
)

// Desk decides on requests. Its fields are set once.
type Desk struct {
	// Member, PodUID and ClusterID are the agent's own.
	Member, PodUID, ClusterID string

	Keeper *keeper.Keeper
	Runner *Runner
	// Do has the server carry out a step.
	Do func(ctx context.Context, s engine.Step) error
	// Look observes the server now.
	Look func(ctx context.Context) engine.Server
	// Changed is told when an action has ended.
	Changed func()

	// mu has requests decided one after the other: one of an older epoch must
	// not slip through beside one of a newer.
	mu sync.Mutex
}

// Accept begins or resumes what is asked for, or says why not. It returns
// before the action is carried out.
func (d *Desk) Accept(ctx context.Context, r protocol.ActionRequest) *protocol.Refusal {
	d.mu.Lock()
	defer d.mu.Unlock()
	own := fence.Own{Member: d.Member, PodUID: d.PodUID, ClusterID: d.ClusterID, Epoch: d.Keeper.Volume().Epoch}
	if refusal := fence.Check(own, r); refusal != nil {
		return refusal
	}
	// The epoch is kept whatever becomes of the request.
	if err := d.Keeper.See(r.Epoch); err != nil {
		return refuse(protocol.RefusedVolume, "%v", err)
	}
	switch d.Runner.Standing(r.ID) {
	case Known:
		return nil
	case Busy:
		return busy()
	default:
	}
	job, refusal := d.job(ctx, own, r)
	if refusal != nil {
		return refusal
	}
	accepted.Reach()
	if d.Runner.Begin(job) == Busy {
		return busy()
	}
	return nil
}

// job returns what to do for a request that has passed the fence.
func (d *Desk) job(ctx context.Context, own fence.Own, r protocol.ActionRequest) (Job, *protocol.Refusal) {
	if r.Grant != nil {
		refusal := d.checkGrant(*r.Grant)
		return Job{ID: r.ID, Kind: engine.StepGrant, Do: d.grant(*r.Grant)}, refusal
	}
	step := *r.Step
	if refusal := d.checkVolume(step); refusal != nil {
		return Job{}, refusal
	}
	if refusal := fence.CheckStep(own, d.observed(ctx, step), step); refusal != nil {
		return Job{}, refusal
	}
	return Job{ID: r.ID, Kind: step.Kind, Do: d.step(step)}, nil
}

func (d *Desk) checkGrant(g engine.Grant) *protocol.Refusal {
	s := d.Keeper.Volume()
	verdict, why := gate.Judge(s.State, s.Marker, g)
	switch {
	case verdict == gate.Refuse:
		return refuse(protocol.RefusedVolume, "%s", why)
	case verdict == gate.TakeAfterRetiring && d.Keeper.Released():
		return refuse(protocol.RefusedVolume, "%v", keeper.ErrServerRuns)
	default:
		return nil
	}
}

// errTakesPart is why a volume is not marked: what is on it may be needed.
var errTakesPart = errors.New("its server is a member that takes part")

// whileLeaving are the steps that a member which is leaving still takes.
var whileLeaving = []engine.StepKind{engine.StepLeave, engine.StepStepDown, engine.StepDemote}

func (d *Desk) checkVolume(s engine.Step) *protocol.Refusal {
	switch state := d.Keeper.Volume().State; state {
	case engine.VolumeMember:
		return nil
	case engine.VolumeRecovering:
		if s.Kind == engine.StepRecover {
			return nil
		}
		return refuse(protocol.RefusedVolume, "a member that is being recovered takes no step %s", s.Kind)
	case engine.VolumeLeaving:
		if slices.Contains(whileLeaving, s.Kind) {
			return nil
		}
		return refuse(protocol.RefusedVolume, "a member that is leaving takes no step %s", s.Kind)
	default:
		if state == engine.VolumeEmpty && s.Kind == engine.StepLeave && s.About() == d.Member {
			return nil // it never joined
		}
		return refuse(protocol.RefusedVolume, "there is no server for the step %s: the volume is %s", s.Kind, state)
	}
}

// observed looks at the server only for a step that has something to compare.
func (d *Desk) observed(ctx context.Context, s engine.Step) engine.Server {
	if s.Term == 0 && s.SubjectID == "" {
		return engine.Server{}
	}
	return d.Look(ctx)
}

func (d *Desk) grant(g engine.Grant) func(context.Context) error {
	return func(context.Context) error {
		defer d.Changed()
		return d.Keeper.Grant(g)
	}
}

// step has the server carry out a step. A leave of another member, which an
// engine may have its leader carry out, is one like any other.
func (d *Desk) step(s engine.Step) func(context.Context) error {
	return func(ctx context.Context) error {
		defer d.Changed()
		if s.Kind == engine.StepLeave && s.About() == d.Member {
			return d.leave(ctx, s)
		}
		if s.Kind == engine.StepRecover {
			return d.recover(s)
		}
		return d.tell(ctx, s)
	}
}

// leave marks the volume before this member's own server is told. Where no
// server runs, and none may start any more, there is nobody to tell: what is
// left of it in the membership is for the others to remove.
//
// A server that gives away what it has goes on until that is done, and is not
// marked: where it dies meanwhile it has to start again. The mark comes once the
// membership has let it go, and never while the server says that it takes part; the
// engine's half ends it before that, or says why not. One that is started again in
// between has to join anew, and is ended when this is asked for again.
func (d *Desk) leave(ctx context.Context, s engine.Step) error {
	if d.Keeper.Volume().State == engine.VolumeEmpty {
		return nil
	}
	switch s.Leave {
	case engine.LeaveMoving:
		return d.tell(ctx, s)
	case engine.LeaveGone:
		return d.close(ctx, s)
	case engine.LeaveForGood:
	default:
		return fmt.Errorf("carry out a leave %q of %s: this version of the agent does not know it", s.Leave, d.Member)
	}
	if err := d.Keeper.BeginLeave(); err != nil {
		return err
	}
	if !d.Keeper.Released() {
		return nil
	}
	if err := d.tell(ctx, s); err != nil {
		return err
	}
	leaveDone.Reach()
	return nil
}

// close has the server ended of one that is no member, and marks the volume.
func (d *Desk) close(ctx context.Context, s engine.Step) error {
	if d.Look(ctx).TakesPart() {
		return fmt.Errorf("mark the volume of %s as left: %w", d.Member, errTakesPart)
	}
	if d.Keeper.Released() {
		if err := d.tell(ctx, s); err != nil {
			return err
		}
		leaveDone.Reach()
	}
	return d.Keeper.BeginLeave()
}

// recover marks the volume for a recovery; without parameters, as one that was
// given up.
func (d *Desk) recover(s engine.Step) error {
	if len(s.Params) == 0 {
		return d.Keeper.GiveUpRecovery(s.Recovery)
	}
	return d.Keeper.BeginRecovery(engine.Recovery{Number: s.Recovery, Params: s.Params})
}

func (d *Desk) tell(ctx context.Context, s engine.Step) error {
	if err := d.Do(ctx, s); err != nil {
		return fmt.Errorf("carry out the step %s on %s: %w", s.Kind, s.About(), err)
	}
	return nil
}

func busy() *protocol.Refusal {
	return refuse(protocol.RefusedBusy, "another action is being carried out")
}

func refuse(reason protocol.RefusalReason, format string, args ...any) *protocol.Refusal {
	return &protocol.Refusal{Reason: reason, Message: fmt.Sprintf(format, args...)}
}
