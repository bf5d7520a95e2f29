// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/bench/ground"
	"github.com/quorate/quorate/hack/bench/load"
	"github.com/quorate/quorate/hack/bench/quorum"
)

const (
	// hold is for how long all must be well to count as back.
	hold = 3 * time.Second
	// calm is for how long the set is whole, and then the client writes, before
	// anything happens.
	calm = 2 * time.Second
	// readable is for how long is waited for the keys to be read, unreadable the
	// same where not all voters came back.
	readable, unreadable = 60 * time.Second, 15 * time.Second
)

// play plays one scenario with one subject in a namespace of its own, which is
// removed. Whatever goes wrong is in the outcome.
func (p *player) play(ctx context.Context, sc scenario, sub subject, number int) (out outcome, busy float64) {
	begin := time.Now()
	p.say("run %d: %s, %s", number, sc.title, sub.title())
	if out.skipped = p.unable(sc, sub); out.skipped != "" {
		return out, 0
	}
	st := &stage{Ground: p.Ground, machines: p.machines, engine: p.engine, subject: sub, namespace: fmt.Sprintf("faults-%s-%s-%d", sub.key(), sc.name, number)}
	st.say = func(format string, args ...any) {
		at := time.Since(begin)
		if since := st.since(); !since.IsZero() {
			at = time.Since(since)
		}
		p.say("  %6.1f s  %s", at.Seconds(), fmt.Sprintf(format, args...))
	}
	busy, err := ground.AwaitQuiet(ctx, p.options.Quiet)
	if err == nil {
		err = p.inNamespace(ctx, sc, st, &out)
	}
	if err != nil {
		out.failed = oneLine(err)
	}
	out.took = time.Since(begin)
	return out, busy
}

func (p *player) say(format string, args ...any) {
	_, _ = fmt.Fprintf(p.options.Progress, format+"\n", args...)
}

// unable says why a scenario cannot be played.
func (p *player) unable(sc scenario, sub subject) string {
	switch {
	case sc.operator && !sub.operated():
		return "there is no operator"
	case sc.machine && p.machines == nil:
		return "only the local cluster's machines can be reached into"
	}
	return ""
}

// inNamespace plays, and leaves the cluster as it was. An interrupted run leaves
// that to those who take the cluster down.
func (p *player) inNamespace(ctx context.Context, sc scenario, st *stage, out *outcome) (err error) {
	if err := p.MakeNamespace(ctx, st.namespace, st.subject.level()); err != nil {
		return err
	}
	defer func() {
		if ctx.Err() != nil && p.machines != nil && !p.options.Keep {
			return
		}
		late := context.WithoutCancel(ctx)
		if sc.restore != nil {
			err = errors.Join(err, sc.restore(late, st))
		}
		err = errors.Join(err, p.RemoveNamespace(late, st.namespace))
	}()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	looking, err := p.form(watching, sc, st)
	if err != nil {
		return err
	}
	err = p.measure(watching, sc, st, out)
	stop()
	<-looking
	return err
}

// form creates the set and waits until it is whole. It looks at it until ctx
// ends; the channel is closed when it has stopped.
func (p *player) form(ctx context.Context, sc scenario, st *stage) (<-chan struct{}, error) {
	objects, err := st.subject.objects(p.K8s.Scheme(), sc.setup)
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		o.SetNamespace(st.namespace)
		if err := p.K8s.Create(ctx, o, client.FieldValidation("Strict")); err != nil {
			return nil, fmt.Errorf("create %T %s: %w", o, o.GetName(), err)
		}
	}
	if err := formed(ctx, st); err != nil {
		return nil, err
	}
	var prober quorum.Prober
	if err := ground.Poll(ctx, "the token", p.engine.within(ground.Patience), func(ctx context.Context) bool {
		prober, err = p.engine.prober(ctx, st)
		return err == nil
	}); err != nil {
		return nil, err
	}
	book := &quorum.Book{K8s: p.K8s, Reach: p.Reach, Namespace: st.namespace, Container: st.subject.container()}
	book.Follow(ctx)
	st.poller = &quorum.Poller{Prober: prober, Book: book, Missing: missing(ctx, sc, st)}
	looking := make(chan struct{})
	go func() {
		defer close(looking)
		st.poller.Run(ctx)
		prober.Close(context.WithoutCancel(ctx))
	}()
	return looking, p.awaitWhole(ctx, st, int(sc.setup.size))
}

// formed has a person form the set, where it does not by itself.
func formed(ctx context.Context, st *stage) error {
	person, ok := st.subject.(former)
	if !ok {
		return nil
	}
	var last error
	if err := ground.Poll(ctx, "the set to be formed by hand", ground.Patience, func(ctx context.Context) bool {
		last = person.form(ctx, st)
		return last == nil
	}); err != nil {
		return errors.Join(err, last)
	}
	return nil
}

// missing asks again and again for what a scenario waits for, once it has begun,
// and returns the last answer.
func missing(ctx context.Context, sc scenario, st *stage) func() string {
	if sc.missing == nil {
		return nil
	}
	var last atomic.Pointer[string]
	go func() {
		ticker := time.NewTicker(2 * quorum.Every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if st.begun.Load() {
				answer := sc.missing(ctx, st)
				last.Store(&answer)
			}
		}
	}()
	return func() string {
		if answer := last.Load(); answer != nil {
			return *answer
		}
		if st.begun.Load() {
			return unseen
		}
		return ""
	}
}

// awaitWhole waits until nothing of the set is missing, for a while.
func (p *player) awaitWhole(ctx context.Context, st *stage, size int) error {
	why := ""
	err := ground.Poll(ctx, "the servers", p.engine.within(ground.Patience), func(ctx context.Context) bool {
		samples := st.poller.Samples()
		if _, whole := quorum.Since(samples, calm, func(s quorum.Sample) bool { return s.Lacks(size) == "" }); !whole {
			why = st.poller.Last().Lacks(size)
			return false
		}
		why = st.subject.unsettled(ctx, st)
		return why == ""
	})
	if err != nil {
		return fmt.Errorf("the %d servers have not formed: %s: %w", size, why, err)
	}
	return nil
}

// measure brings the scenario about under a client that writes.
func (p *player) measure(ctx context.Context, sc scenario, st *stage, out *outcome) error {
	if sc.prepare != nil {
		if err := sc.prepare(ctx, st); err != nil {
			return err
		}
		if err := p.awaitWhole(ctx, st, int(sc.setup.size)); err != nil {
			return err
		}
	}
	c, err := p.engine.client(ctx, st, sc)
	if err != nil {
		return err
	}
	writing, stop := context.WithCancel(ctx)
	defer stop()
	wrote := make(chan struct{})
	go func() { defer close(wrote); c.Run(writing) }()
	if err := p.awaitWrites(ctx, c); err != nil {
		return err
	}
	st.before = st.poller.Last()
	st.from()
	begin := st.since()
	st.begun.Store(true)
	err = p.watch(ctx, sc, st, out)
	end := time.Now()
	stop()
	<-wrote
	writes := c.Writes()
	out.gap, out.writes = load.Longest(writes, begin, end), load.Count(writes)
	samples := st.poller.Samples()
	out.low = quorum.Lowest(samples, begin, end)
	kept := trace{Fault: begin, Clock: st.since(), Samples: samples, Writes: writes}.keep(p.options.Trace, st.namespace)
	if err := errors.Join(err, kept); err != nil {
		return err
	}
	p.readBack(ctx, c, writes, out)
	return p.aftermath(ctx, sc, st, out)
}

// awaitWrites waits until writes are acknowledged, one after the other.
func (p *player) awaitWrites(ctx context.Context, c writer) error {
	return ground.Poll(ctx, "writes to be acknowledged", ground.Patience, func(context.Context) bool {
		now := time.Now()
		gap := load.Longest(c.Writes(), now.Add(-calm), now)
		return !gap.Open && gap.Length < calm/4
	})
}

// readBack reads what was acknowledged.
func (p *player) readBack(ctx context.Context, c writer, writes []load.Write, out *outcome) {
	patience := unreadable
	if out.whole {
		patience = readable
	}
	err := ground.Poll(ctx, "the keys", patience, func(ctx context.Context) bool {
		stored, err := c.Stored(ctx)
		if err != nil {
			return false
		}
		out.read, out.lost = true, load.Lost(writes, stored)
		return true
	})
	if err != nil {
		p.say("    %v", err)
	}
}

// aftermath looks at what must not have happened, and at what comes back last.
func (p *player) aftermath(ctx context.Context, sc scenario, st *stage, out *outcome) error {
	if changed := touched(st.before, st.poller.Last()); sc.untouched && len(changed) > 0 {
		out.complaints = append(out.complaints, "restarted: "+strings.Join(changed, ", "))
	}
	if sc.after == nil {
		return nil
	}
	note, err := sc.after(ctx, st)
	if err != nil {
		out.complaints = append(out.complaints, oneLine(err))
	}
	if note != "" {
		out.notes = append(out.notes, note)
	}
	return nil
}

// oneLine fits an error into a list.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
