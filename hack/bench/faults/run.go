// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package faults measures what becomes of a set of servers, and of those
// who write to it, when something happens: a fault, or work that was planned.
// Each scenario is played with the tutorial's manifests and with a Datastore, on
// the same cluster.
package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/hack/bench/ground"
	"github.com/quorate/quorate/hack/cluster"
	"github.com/quorate/quorate/hack/target"
)

// Options are the flags.
type Options struct {
	// Kind, Name and Keep are of the cluster.
	Kind target.Kind
	Name string
	Keep bool
	// Engine is the one whose servers are measured.
	Engine string
	// Scenarios and Only choose some of the scenarios and one of the subjects, by
	// name; all where empty.
	Scenarios, Only []string
	// Partial has the page written also where scenarios were left out, which it says.
	Partial bool
	// Runs is how often each is played; with none only the page is written.
	Runs int
	// Report is the file of the page, which is only written where nothing was
	// left out; empty for none, "engine" for that of the engine.
	Report string
	// Trace is a folder for all that was seen and written, a file each; empty for
	// none.
	Trace string
	// Quiet is for how long a quiet moment is waited for before each.
	Quiet time.Duration
	// Out gets the table, Progress all else.
	Out, Progress io.Writer
}

// EngineReport stands for the page that each engine has in the documentation.
const EngineReport = "engine"

// Run plays the scenarios and reports. What has been measured is reported also
// where ctx ends meanwhile.
func Run(ctx context.Context, o Options) error {
	r, err := choose(o)
	if err != nil {
		return err
	}
	if o.Runs > 0 {
		plan := ground.Plan{Kind: o.Kind, Name: o.Name, Keep: o.Keep, Images: r.engine.images, Out: o.Progress}
		err = ground.Use(ctx, plan, func(g *ground.Ground) error {
			p, err := newPlayer(g, r.engine, o)
			if err != nil {
				return err
			}
			return p.rounds(ctx, r)
		})
	}
	return errors.Join(err, r.report(o, err == nil))
}

// report prints the table, and publishes the page of a complete run.
func (r *results) report(o Options, complete bool) error {
	if len(r.outcomes) > 0 {
		var b strings.Builder
		r.reasons(&b)
		if _, err := fmt.Fprintf(o.Out, "\n%s\n\n%s\n%s", r.origin(), r.table(), b.String()); err != nil {
			return fmt.Errorf("print the results: %w", err)
		}
	}
	if !complete || o.Report == "" || len(o.Only) > 0 || len(o.Scenarios) > 0 && !o.Partial {
		return nil
	}
	if o.Report == EngineReport {
		o.Report = r.engine.report
	}
	return ground.Publish(o.Report, r.page())
}

// choose picks scenarios and subjects by their names.
func choose(o Options) (*results, error) {
	e, err := engineOf(o.Engine)
	if err != nil {
		return nil, err
	}
	r := &results{engine: e, when: time.Now(), runs: o.Runs, outcomes: map[string][]outcome{}}
	var names []string
	for _, sc := range e.scenarios() {
		names = append(names, sc.name)
		if len(o.Scenarios) == 0 || slices.Contains(o.Scenarios, sc.name) {
			r.scenarios = append(r.scenarios, sc)
		}
	}
	for _, name := range o.Scenarios {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("there is no scenario %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	for _, sub := range e.subjects() {
		if len(o.Only) == 0 || slices.Contains(o.Only, sub.key()) {
			r.subjects = append(r.subjects, sub)
		}
	}
	if len(r.subjects) == 0 {
		return nil, fmt.Errorf("nothing is called %s; there are tutorial and datastore", strings.Join(o.Only, ", "))
	}
	return r, nil
}

// player plays scenarios on one cluster.
type player struct {
	*ground.Ground
	engine   *engine
	machines *cluster.Cluster
	options  Options
}

func newPlayer(g *ground.Ground, e *engine, o Options) (*player, error) {
	p := &player{Ground: g, engine: e, options: o}
	if o.Kind != target.Local {
		return p, nil
	}
	var err error
	if p.machines, err = cluster.Open(o.Name, o.Progress); err != nil {
		return nil, fmt.Errorf("open the cluster: %w", err)
	}
	return p, nil
}

// rounds plays every scenario with every subject in turn, so that a machine that
// slows down is slow for both.
func (p *player) rounds(ctx context.Context, r *results) error {
	version, err := p.Plain.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("read the cluster's version: %w", err)
	}
	r.kubernetes, r.direct = strings.TrimPrefix(version.GitVersion, "v"), p.Reach.IsDirect()
	for i := range r.runs {
		for _, sc := range r.scenarios {
			for _, sub := range r.subjects {
				one, busy := p.play(ctx, sc, sub, i+1)
				if ctx.Err() != nil {
					return fmt.Errorf("stopped at %s: %w", key(sc, sub), ctx.Err())
				}
				r.outcomes[key(sc, sub)] = append(r.outcomes[key(sc, sub)], one)
				r.busy, r.took = max(r.busy, busy), time.Since(r.when)
				_, _ = fmt.Fprintf(p.options.Progress, "%s\n\n", one.line())
			}
		}
	}
	return nil
}

// line is one outcome in short.
func (o outcome) line() string {
	took := fmt.Sprintf("  (%.0f s in all)", o.took.Seconds())
	switch {
	case o.skipped != "":
		return "    skipped: " + o.skipped
	case o.failed != "":
		return "    FAILED: " + o.failed + took
	}
	back := "not back: " + o.lacks
	if o.whole {
		back = fmt.Sprintf("back %.2f s", o.back.Seconds())
	}
	return fmt.Sprintf("    gap %s s, %d acknowledged, %d failed, %s lost, %s, tolerance %s, healthy voters %s%s", o.gap.Seconds(),
		o.writes.Acknowledged, o.writes.Failed, lostCell([]outcome{o}), back,
		least([]outcome{o}, func(o outcome) int { return o.low.Tolerance }),
		least([]outcome{o}, func(o outcome) int { return o.low.Healthy }), took)
}
