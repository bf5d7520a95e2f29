// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/quorate/quorate/internal/engine"
)

// member is one followed agent.
type member struct {
	target Target
	client Client
	cancel context.CancelFunc
	// hurry ends a pause; one word is kept for whoever pauses next.
	hurry chan struct{}
	// run is the target's run of the agent, as last followed.
	run string

	// until is when a first answer is waited for no longer.
	until time.Time

	mu     sync.Mutex
	asked  bool // the first call has ended, whichever way
	report *engine.Report
}

// follow starts to follow an agent. Changed is called after the report has
// changed, or the member has become silent.
func follow(client Client, t Target, changed func()) *member {
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{
		target: t, client: client, cancel: cancel, hurry: make(chan struct{}, 1), run: t.Run, until: time.Now().Add(firstAnswer),
	}
	go m.poll(ctx, changed)
	return m
}

func (m *member) stop() { m.cancel() }

// started tells that another run of the agent has begun, so that a silent one
// is asked now rather than after its pause.
func (m *member) started(run string) {
	m.run = run
	select {
	case m.hurry <- struct{}{}:
	default:
	}
}

func (m *member) last() *engine.Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.report
}

// put stores a report, or nil for silence, and tells whether that is news.
func (m *member) put(r *engine.Report) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	news := r != nil || m.report != nil
	m.report, m.asked = r, true
	return news
}

// awaited tells whether the member has not had the time to answer yet.
func (m *member) awaited() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.asked && time.Now().Before(m.until)
}

func (m *member) poll(ctx context.Context, changed func()) {
	var pace pacer
	since, pause := "", retryFirst
	for wait(ctx, pace.next(time.Now())) {
		reply, err := m.client.Report(ctx, m.target.Addr, since, pollWait)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			since = ""
			if m.put(nil) {
				changed()
			}
			pause = m.rest(ctx, pause)
			continue
		}
		pause = retryFirst
		if reply.Revision != since {
			since = reply.Revision
			m.put(&reply.Report)
			changed()
		}
	}
}

// rest pauses before an agent that did not answer is asked again, and returns
// how long the pause after the next failure is.
func (m *member) rest(ctx context.Context, pause time.Duration) time.Duration {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-m.hurry:
		return retryFirst
	case <-t.C:
	}
	return min(pause*3/2, retryMost)
}

// wait pauses between two calls; it tells whether to go on.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
