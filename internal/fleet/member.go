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

	mu     sync.Mutex
	report *engine.Report
}

// follow starts to follow an agent. Changed is called after the report has
// changed, or the member has become silent.
func follow(client Client, t Target, changed func()) *member {
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{target: t, client: client, cancel: cancel}
	go m.poll(ctx, changed)
	return m
}

func (m *member) stop() { m.cancel() }

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
	m.report = r
	return news
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
			if !wait(ctx, pause) {
				return
			}
			pause = min(pause*3/2, retryMost)
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
