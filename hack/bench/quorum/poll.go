// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/quorate/quorate/hack/bench/ground"
)

// Every is the pause between the beginnings of two looks: five a second.
const Every = 200 * time.Millisecond

// Poller looks at a set again and again. A look costs one request that is not
// passed on per server, and two of the leader. One that is slow does not hold up
// the next.
type Poller struct {
	Reach ground.Reach
	Book  *Book
	Token string
	// Missing says what the scenario itself waits for; nil where it is nothing.
	Missing func() string

	mu      sync.Mutex
	samples []Sample
	ids     map[string]string // identities of servers by their containers' id
	asking  map[string]bool   // containers whose server is being asked for it
}

// Run looks until ctx ends.
func (p *Poller) Run(ctx context.Context) {
	p.mu.Lock()
	p.ids, p.asking = map[string]string{}, map[string]bool{}
	p.mu.Unlock()
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
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, m := range members {
		if m.URL == "" {
			continue
		}
		wg.Go(func() {
			seen := p.askMember(ctx, m)
			mu.Lock()
			defer mu.Unlock()
			s.Answers[m.Name], s.IDs[m.Name] = seen.answer, seen.id
			if seen.peers != nil {
				s.Peers, s.Health = seen.peers, seen.health
			}
		})
	}
	wg.Wait()
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

// heard is what one member says.
type heard struct {
	answer Answer
	id     string
	// peers and health come from the leader only.
	peers  []Peer
	health []Server
}

// askMember asks a member for itself, and where it says that it leads for the
// others, too. Others would pass such a question on, and hold it for seconds
// while nobody leads: many of those would be in the way of the client's writes.
func (p *Poller) askMember(ctx context.Context, m Member) heard {
	text, ok := p.Reach.Call(ctx, http.MethodGet, m.URL+"/v1/status/leader", "", "")
	var out heard
	if !ok || json.Unmarshal([]byte(text), &out.answer.Leader) != nil {
		return heard{}
	}
	out.answer.Alive = true
	var wg sync.WaitGroup
	wg.Go(func() { out.id = p.id(ctx, m) })
	if m.is(out.answer.Leader) {
		wg.Go(func() { out.peers = p.peers(ctx, m.URL) })
		wg.Go(func() { out.health = p.health(ctx, m.URL) })
	}
	wg.Wait()
	return out
}

// id returns the identity of a server, which stays as long as its container.
func (p *Poller) id(ctx context.Context, m Member) string {
	id, ask := p.knownID(m.Container)
	if !ask {
		return id
	}
	id = p.self(ctx, m.URL).Config.NodeID
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.asking, m.Container)
	if id != "" {
		p.ids[m.Container] = id
	}
	return id
}

// knownID returns the identity if it is known, and else whether the caller is
// the one to ask for it.
func (p *Poller) knownID(container string) (id string, ask bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, known := p.ids[container]
	if known || container == "" || p.asking[container] {
		return id, false
	}
	p.asking[container] = true
	return "", true
}

// self is a server's description of itself.
type self struct {
	Config      struct{ NodeID string }
	DebugConfig struct {
		Logging struct{ LogLevel string }
	}
}

func (p *Poller) self(ctx context.Context, url string) self {
	var out self
	text, ok := p.Reach.Call(ctx, http.MethodGet, url+"/v1/agent/self", p.Token, "")
	if !ok || json.Unmarshal([]byte(text), &out) != nil {
		return self{}
	}
	return out
}

// LogLevels asks every running server's process for its own.
func (p *Poller) LogLevels(ctx context.Context) map[string]string {
	out := map[string]string{}
	for _, m := range p.Book.Members() {
		if m.URL != "" {
			out[m.Name] = p.self(ctx, m.URL).DebugConfig.Logging.LogLevel
		}
	}
	return out
}

func (p *Poller) peers(ctx context.Context, url string) []Peer {
	var out struct{ Servers []Peer }
	text, ok := p.Reach.Call(ctx, http.MethodGet, url+"/v1/operator/raft/configuration", p.Token, "")
	if !ok || json.Unmarshal([]byte(text), &out) != nil || len(out.Servers) == 0 {
		return nil
	}
	return out.Servers
}

// health is told with 429 where not all is well.
func (p *Poller) health(ctx context.Context, url string) []Server {
	status, text, err := p.Reach.Ask(ctx, http.MethodGet, url+"/v1/operator/autopilot/health", p.Token, "")
	if err != nil || status != http.StatusOK && status != http.StatusTooManyRequests {
		return nil
	}
	var out struct{ Servers []Server }
	if json.Unmarshal([]byte(text), &out) != nil || len(out.Servers) == 0 {
		return nil
	}
	return out.Servers
}
