// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/internal/engine"
)

func TestStanding(t *testing.T) {
	state := func(id string, done bool, err string) *engine.ActionState {
		return &engine.ActionState{ID: id, Done: done, Error: err}
	}
	for _, c := range []struct {
		name  string
		last  *engine.ActionState
		ended time.Duration
		want  Standing
	}{
		{"the first", nil, 0, New},
		{"running", state("a", false, ""), time.Hour, Known},
		{"done just now", state("a", true, ""), 0, Known},
		{"done", state("a", true, ""), pause, New},
		{"failed just now", state("a", true, "why"), 0, Known},
		{"failed", state("a", true, "why"), pause, New},
		{"another running", state("b", false, ""), time.Hour, Busy},
		{"another done just now", state("b", true, ""), 0, New},
		{"another failed just now", state("b", true, "why"), 0, New},
	} {
		if got := standing(c.last, c.ended, "a"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// published notes down the states that a runner publishes.
type published struct {
	mu     sync.Mutex
	states []engine.ActionState
}

func (p *published) add(s engine.ActionState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.states = append(p.states, s)
}

func (p *published) last() engine.ActionState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.states[len(p.states)-1]
}

func TestOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p published
		r := NewRunner(p.add)
		go r.Run(t.Context())
		finish := make(chan error)
		runs := 0
		job := func(id string) Job {
			return Job{ID: id, Kind: engine.StepJoin, Do: func(context.Context) error {
				runs++
				return <-finish
			}}
		}
		begin := func(id string, want Standing) {
			t.Helper()
			synctest.Wait()
			if got := r.Begin(job(id)); got != want {
				t.Errorf("begin %s: %s, want %s", id, got, want)
			}
			synctest.Wait()
		}
		begin("a", New)
		begin("a", Known)
		begin("b", Busy)
		if !r.Acting() || p.last() != (engine.ActionState{ID: "a", Kind: engine.StepJoin}) {
			t.Errorf("acting %v, published %+v", r.Acting(), p.last())
		}
		finish <- errors.New("boom")
		synctest.Wait()
		if r.Acting() || p.last() != (engine.ActionState{ID: "a", Kind: engine.StepJoin, Done: true, Error: "boom"}) {
			t.Errorf("acting %v, published %+v", r.Acting(), p.last())
		}
		begin("a", Known)
		time.Sleep(pause)
		begin("a", New)
		if !r.Acting() || p.last() != (engine.ActionState{ID: "a", Kind: engine.StepJoin, Before: "boom"}) {
			t.Errorf("while it is tried again, published %+v", p.last())
		}
		finish <- nil
		begin("a", Known)
		if p.last() != (engine.ActionState{ID: "a", Kind: engine.StepJoin, Done: true}) {
			t.Errorf("once it is done, published %+v", p.last())
		}
		begin("b", New)
		finish <- nil
		synctest.Wait()
		if runs != 3 || !p.last().Done || p.last().ID != "b" {
			t.Errorf("%d runs, published %+v", runs, p.last())
		}
	})
}

func TestTheOutcomeOfACutOffJobIsNotPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p published
		r := NewRunner(p.add)
		ctx, cancel := context.WithCancel(t.Context())
		go r.Run(ctx)
		r.Begin(Job{ID: "a", Do: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		synctest.Wait()
		cancel()
		synctest.Wait()
		if p.last().Done {
			t.Errorf("published %+v", p.last())
		}
	})
}

func TestAJobIsCutOffInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p published
		r := NewRunner(p.add)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan struct{})
		go r.Run(ctx)
		r.Begin(Job{ID: "a", Do: func(ctx context.Context) error {
			defer close(done)
			<-ctx.Done()
			return ctx.Err()
		}})
		<-done
		synctest.Wait()
		if s := p.last(); !s.Done || s.Error == "" {
			t.Errorf("published %+v", s)
		}
	})
}
