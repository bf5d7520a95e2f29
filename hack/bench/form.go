// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/hack/bench/ground"
	"github.com/quorate/quorate/hack/target"
)

// options are the flags of a benchmark.
type options struct {
	kind         target.Kind
	name, report string
	runs         int
	keep         bool
	only         []string
	// quiet is for how long a quiet moment is waited for before a formation.
	quiet time.Duration
}

// bench forms contenders on one cluster.
type bench struct {
	*ground.Ground
	quiet time.Duration
}

// form brings a cluster up, forms every contender in turn, as often as asked,
// and reports.
func form(ctx context.Context, o options, out io.Writer) error {
	plan := ground.Plan{Kind: o.kind, Name: o.name, Keep: o.keep, Out: out}
	return ground.Use(ctx, plan, func(g *ground.Ground) error {
		r, err := (&bench{Ground: g, quiet: o.quiet}).rounds(ctx, o)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "\n%s", r.text())
		if o.report == "" || len(o.only) > 0 {
			return nil
		}
		return ground.Publish(o.report, r.text())
	})
}

// rounds forms all contenders, one after the other, so that a machine that
// slows down is slow for all of them.
func (b *bench) rounds(ctx context.Context, o options) (results, error) {
	r := results{runs: map[string][]run{}, when: time.Now()}
	for i := range o.runs {
		for _, c := range contenders {
			if len(o.only) > 0 && !slices.Contains(o.only, c.key) {
				continue
			}
			one, err := b.once(ctx, c, i+1)
			if err != nil {
				return r, fmt.Errorf("form the %s, run %d: %w", c.title, i+1, err)
			}
			r.runs[c.key] = append(r.runs[c.key], one)
			_, _ = fmt.Fprintf(b.Out, "run %d  %s\n", i+1, one.line(c))
		}
	}
	return r, nil
}

// once forms a contender in a namespace of its own and removes it with its
// volumes.
func (b *bench) once(ctx context.Context, c contender, number int) (out run, err error) {
	ns := fmt.Sprintf("bench-%s-%d", c.key, number)
	if err := b.MakeNamespace(ctx, ns, c.level); err != nil {
		return out, err
	}
	defer func() {
		if goneErr := b.RemoveNamespace(context.WithoutCancel(ctx), ns); err == nil {
			err = goneErr
		}
	}()
	if out.busy, err = ground.AwaitQuiet(ctx, b.quiet); err != nil {
		return out, err
	}
	watching, stop := context.WithTimeout(ctx, ground.Patience)
	defer stop()
	m := newMarks(time.Now())
	p := &prober{contender: c, namespace: ns, k8s: b.K8s, reach: b.Reach, marks: m, pods: map[string]string{}}
	o := &observer{k8s: b.K8s, namespace: ns, marks: m, pods: p.pod, troubles: newTally()}
	if err := o.start(watching); err != nil {
		return out, err
	}
	cmd, err := b.KubectlCommand(ctx, "-n", ns, "apply", "-f", "-")
	if err != nil {
		return out, err
	}
	cmd.Stdin = strings.NewReader(c.manifest)
	m.begin = time.Now()
	probed := make(chan error, 1)
	go func() { probed <- p.run(watching) }()
	if text, err := cmd.CombinedOutput(); err != nil {
		return out, fmt.Errorf("apply the manifest: %w: %s", err, text)
	}
	m.first(markApplied, time.Now())
	if err := <-probed; err != nil {
		return out, fmt.Errorf("it has not formed within %s: %w", ground.Patience, err)
	}
	if err := b.awaitReady(watching, c, m); err != nil {
		return out, err
	}
	if err := readLogs(ctx, b.Plain, ns, m); err != nil {
		return out, err
	}
	out.at, out.troubles = m.all(), o.troubles
	return out, nil
}

// awaitReady waits for what the watches have still to tell.
func (b *bench) awaitReady(ctx context.Context, c contender, m *marks) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		_, ready := m.all()[markReady]
		if ready || !c.operated {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the Datastore is not Ready within %s", ground.Patience)
		case <-ticker.C:
		}
	}
}
