// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Every is the pause between the beginnings of two looks: five a second.
const Every = 200 * time.Millisecond

// Prober asks servers of one engine.
type Prober interface {
	// Ask asks a member for itself, and where it leads for the others, too.
	Ask(ctx context.Context, m Member) Heard
	// Close lets go of its connections.
	Close(ctx context.Context)
}

// Ring is a Prober of servers of which none leads, and each says who belongs to them.
type Ring interface {
	Prober
	// Replicas is how many members have a copy of each row.
	Replicas() int
}

// Heard is what one member says; nothing where it does not answer.
type Heard struct {
	Answer Answer
	// ID is the identity of the running server.
	ID string
	// Peers and Health come from the leader only, or in a ring from each.
	Peers  []Peer
	Health []Server
}

// Poller looks at a set again and again. A look that is slow does not hold up the
// next.
type Poller struct {
	Book   *Book
	Prober Prober
	// Missing says what the scenario itself waits for; nil where it is nothing.
	Missing func() string

	mu      sync.Mutex
	samples []Sample
}

// Run looks until ctx ends.
func (p *Poller) Run(ctx context.Context) {
	ticker := time.NewTicker(Every)
	defer ticker.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			at, members := time.Now(), p.Book.Members()
			wg.Go(func() { p.look(ctx, at, members) })
		}
	}
}

// Samples returns all that has been seen, in order.
func (p *Poller) Samples() []Sample {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.samples)
}

// Last returns what was seen last, or an empty sample.
func (p *Poller) Last() Sample {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.samples) == 0 {
		return Sample{}
	}
	return p.samples[len(p.samples)-1]
}

func (p *Poller) look(ctx context.Context, at time.Time, members []Member) {
	s := Sample{At: at, Members: members, Answers: map[string]Answer{}, IDs: map[string]string{}}
	var views []Heard
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, m := range members {
		if m.URL == "" {
			continue
		}
		wg.Go(func() {
			seen := p.Prober.Ask(ctx, m)
			mu.Lock()
			defer mu.Unlock()
			s.Answers[m.Name], s.IDs[m.Name] = seen.Answer, seen.ID
			if seen.Peers != nil {
				s.Peers, s.Health = seen.Peers, seen.Health
				views = append(views, seen)
			}
		})
	}
	wg.Wait()
	if ring, ok := p.Prober.(Ring); ok {
		s.Replicas = ring.Replicas()
		s.Peers, s.Health = merge(views)
	}
	if p.Missing != nil {
		s.Missing = p.Missing()
	}
	if ctx.Err() != nil {
		return // what was cut off says nothing of the servers
	}
	p.add(s)
}

// add keeps samples in the order in which they began.
func (p *Poller) add(s Sample) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, _ := slices.BinarySearchFunc(p.samples, s, func(a, b Sample) int { return a.At.Compare(b.At) })
	p.samples = slices.Insert(p.samples, i, s)
}
