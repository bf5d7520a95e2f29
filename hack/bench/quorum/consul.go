// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/quorate/quorate/hack/bench/ground"
)

// Consul asks Consul servers. A look costs one request that is not passed on per
// server, and two of the leader.
type Consul struct {
	reach ground.Reach
	token string

	mu     sync.Mutex
	ids    map[string]string // identities of servers by their containers' id
	asking map[string]bool   // containers whose server is being asked for it
}

// NewConsul asks with a token.
func NewConsul(reach ground.Reach, token string) *Consul {
	return &Consul{reach: reach, token: token, ids: map[string]string{}, asking: map[string]bool{}}
}

// Close implements Prober.
func (p *Consul) Close(context.Context) { p.reach.Close() }

// Ask implements Prober. Only a leader is asked for the others: who follows would
// pass such a question on, and hold it for seconds while nobody leads: many of
// those would be in the way of the client's writes.
func (p *Consul) Ask(ctx context.Context, m Member) Heard {
	text, ok := p.reach.Call(ctx, http.MethodGet, m.URL+"/v1/status/leader", "", "")
	var out Heard
	if !ok || json.Unmarshal([]byte(text), &out.Answer.Leader) != nil {
		return Heard{}
	}
	out.Answer.Alive = true
	var wg sync.WaitGroup
	wg.Go(func() { out.ID = p.id(ctx, m) })
	if m.is(out.Answer.Leader) {
		wg.Go(func() { out.Peers = p.peers(ctx, m.URL) })
		wg.Go(func() { out.Health = p.health(ctx, m.URL) })
	}
	wg.Wait()
	return out
}

// id returns the identity of a server, which stays as long as its container.
func (p *Consul) id(ctx context.Context, m Member) string {
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
func (p *Consul) knownID(container string) (id string, ask bool) {
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

func (p *Consul) self(ctx context.Context, url string) self {
	var out self
	text, ok := p.reach.Call(ctx, http.MethodGet, url+"/v1/agent/self", p.token, "")
	if !ok || json.Unmarshal([]byte(text), &out) != nil {
		return self{}
	}
	return out
}

// LogLevels asks every running server's process for its own.
func (p *Consul) LogLevels(ctx context.Context, members []Member) map[string]string {
	out := map[string]string{}
	for _, m := range members {
		if m.URL != "" {
			out[m.Name] = p.self(ctx, m.URL).DebugConfig.Logging.LogLevel
		}
	}
	return out
}

func (p *Consul) peers(ctx context.Context, url string) []Peer {
	var out struct{ Servers []Peer }
	text, ok := p.reach.Call(ctx, http.MethodGet, url+"/v1/operator/raft/configuration", p.token, "")
	if !ok || json.Unmarshal([]byte(text), &out) != nil || len(out.Servers) == 0 {
		return nil
	}
	return out.Servers
}

// health is told with 429 where not all is well.
func (p *Consul) health(ctx context.Context, url string) []Server {
	status, text, err := p.reach.Ask(ctx, http.MethodGet, url+"/v1/operator/autopilot/health", p.token, "")
	if err != nil || status != http.StatusOK && status != http.StatusTooManyRequests {
		return nil
	}
	var out struct{ Servers []Server }
	if json.Unmarshal([]byte(text), &out) != nil || len(out.Servers) == 0 {
		return nil
	}
	return out.Servers
}
