// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package board holds the report that an agent gives of its member, and wakes
// those who wait for it to change.
package board

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/quorate/quorate/internal/engine"
)

// Board is safe for use from any goroutine.
type Board struct {
	// run tells this process from those before it.
	run string

	mu    sync.Mutex
	draft Draft
	count uint64
	// text is the published report, reply the whole answer with its revision.
	text, reply []byte
	changed     chan struct{}
}

// Draft is what a report is made of.
type Draft struct {
	engine.Report
	// Problems are the last complaints, by what they are about; an empty one is
	// none. The report's own field is made from them.
	Problems map[string]string
}

// answer is a protocol.ReportReply whose report is encoded already.
type answer struct {
	Revision string          `json:"revision"`
	Report   json.RawMessage `json:"report"`
}

// New publishes a first report.
func New(first engine.Report) (*Board, error) {
	b := &Board{
		run:     rand.Text(),
		draft:   Draft{Report: first, Problems: map[string]string{}},
		changed: make(chan struct{}),
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.publish(); err != nil {
		return nil, err
	}
	return b, nil
}

// Update changes the report. What it refers to is replaced, never changed in
// place, but for the problems. Nobody is woken where the outcome says the same
// as before.
func (b *Board) Update(change func(*Draft)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.draft)
	return b.publish()
}

// Report returns the report as it is now. What it refers to must not be
// changed.
func (b *Board) Report() engine.Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.draft.Report
}

// Changed returns a channel that is closed at the next change of the report.
func (b *Board) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// Reply returns the answer to a report call, in JSON: at once if its revision
// is not the one that the caller has, else when it changes or ctx ends.
func (b *Board) Reply(ctx context.Context, since string) []byte {
	for {
		b.mu.Lock()
		reply, revision, changed := b.reply, b.revision(), b.changed
		b.mu.Unlock()
		if since != revision {
			return reply
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return reply
		}
	}
}

func (b *Board) revision() string { return fmt.Sprintf("%s.%d", b.run, b.count) }

// publish makes the report's new revision if it says anything new.
func (b *Board) publish() error {
	b.draft.Problem = summary(b.draft.Problems)
	text, err := encode(b.draft.Report)
	if err != nil {
		return err
	}
	if bytes.Equal(text, b.text) {
		return nil
	}
	b.count++
	reply, err := json.Marshal(answer{Revision: b.revision(), Report: text})
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	b.text, b.reply = text, reply
	close(b.changed)
	b.changed = make(chan struct{})
	return nil
}
