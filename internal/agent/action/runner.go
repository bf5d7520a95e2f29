// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package action takes what the manager asks for, past the fence, and carries
// it out one at a time.
package action

import (
	"context"
	"sync"
	"time"

	"github.com/quorate/quorate/internal/agent/board"
	"github.com/quorate/quorate/internal/engine"
)

// timeout is for how long a server may take to accept a step. What the step
// brings about is observed, and may take longer.
const timeout = 2 * time.Minute

// pause is how long an action that has ended is not begun again. Its end wakes
// the manager, who may ask again before the effect can be seen.
const pause = time.Second

// Job is one action to carry out.
type Job struct {
	ID   string
	Kind engine.StepKind
	Do   func(ctx context.Context) error
}

// Standing is what an action's ID means to a runner now.
type Standing string

const (
	// New may be begun: nothing is running, and it has not been done.
	New Standing = "New"
	// Known is running, or has ended just now.
	Known Standing = "Known"
	// Busy is another than the one that is running.
	Busy Standing = "Busy"
)

// Runner carries out one job at a time, beside whoever asks for it.
type Runner struct {
	publish func(engine.ActionState)
	jobs    chan Job

	mu    sync.Mutex
	last  *engine.ActionState
	ended time.Time
}

// NewRunner returns a runner that publishes each change of its last action.
func NewRunner(publish func(engine.ActionState)) *Runner {
	return &Runner{publish: publish, jobs: make(chan Job, 1)}
}

// Standing tells whether a job of this ID could be begun.
func (r *Runner) Standing(id string) Standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return standing(r.last, time.Since(r.ended), id)
}

// standing decides. An action that has ended is begun again when it is asked
// for again, whatever its outcome was: whoever asks does not see its effect,
// and all actions can be repeated.
func standing(last *engine.ActionState, endedFor time.Duration, id string) Standing {
	switch {
	case last == nil:
		return New
	case last.ID != id && !last.Done:
		return Busy
	case last.ID == id && (!last.Done || endedFor < pause):
		return Known
	default:
		return New
	}
}

// Begin hands a job over if its standing is New, and returns the standing.
func (r *Runner) Begin(j Job) Standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := standing(r.last, time.Since(r.ended), j.ID); s != New {
		return s
	}
	r.set(engine.ActionState{ID: j.ID, Kind: j.Kind, Before: r.last.Refusal(j.Kind)})
	r.jobs <- j // has room, since nothing is running
	return New
}

// Acting tells whether a job is running.
func (r *Runner) Acting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last != nil && !r.last.Done
}

// Run carries out jobs until ctx ends. The outcome of a job that is cut off so
// is not known and not published; the next agent is asked again.
func (r *Runner) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-r.jobs:
			r.carryOut(ctx, j)
		}
	}
}

func (r *Runner) carryOut(ctx context.Context, j Job) {
	state := engine.ActionState{ID: j.ID, Kind: j.Kind, Done: true}
	if err := within(ctx, timeout, j.Do); err != nil {
		state.Error = board.Bounded(err.Error())
	}
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = time.Now()
	r.set(state)
}

func within(ctx context.Context, d time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return do(ctx)
}

func (r *Runner) set(s engine.ActionState) {
	r.last = &s
	r.publish(s)
}
