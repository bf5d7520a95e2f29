// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"github.com/quorate/quorate/hack/cql"
)

// Cassandra asks members of a ring, each by a connection to it alone. A look costs
// three queries per member.
type Cassandra struct {
	door   cql.Door
	copies int

	mu       sync.Mutex
	sessions map[string]*gocql.Session // by the container's id
	opening  map[string]bool           // containers to which a session is being opened
	hearts   hearts
	closed   bool
}

var _ Ring = (*Cassandra)(nil)

// NewCassandra asks by way of a door. Each row has some copies.
func NewCassandra(door cql.Door, copies int) *Cassandra {
	return &Cassandra{door: door, copies: copies, sessions: map[string]*gocql.Session{}, opening: map[string]bool{}, hearts: hearts{}}
}

// Replicas implements Ring.
func (p *Cassandra) Replicas() int { return p.copies }

// Ask implements Prober. A server is not waited for: where no session with it is open,
// one is opened meanwhile for a later look.
func (p *Cassandra) Ask(ctx context.Context, m Member) Heard {
	s := p.session(m)
	if s == nil {
		return Heard{}
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	out := Heard{Answer: Answer{Alive: true}}
	if err := p.describe(ctx, s, m, &out); err != nil {
		p.drop(m.Container)
		return Heard{}
	}
	return out
}

// session is the one with a member's process; nil where there is none yet.
func (p *Cassandra) session(m Member) *gocql.Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.sessions[m.Container]; s != nil || m.Container == "" || p.opening[m.Container] || p.closed {
		return s
	}
	p.opening[m.Container] = true
	go func() {
		s, err := p.door.Alone(m.Addresses[0])
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.opening, m.Container)
		switch {
		case err != nil: // it is tried again at the next look
		case p.closed:
			s.Close()
		default:
			p.sessions[m.Container] = s
		}
	}()
	return nil
}

// drop gives up a session that was of no use.
func (p *Cassandra) drop(container string) {
	p.mu.Lock()
	s := p.sessions[container]
	delete(p.sessions, container)
	p.mu.Unlock()
	if s != nil {
		s.Close()
	}
}

// Close implements Prober.
func (p *Cassandra) Close(context.Context) {
	p.mu.Lock()
	p.closed = true
	sessions := p.sessions
	p.sessions = map[string]*gocql.Session{}
	p.mu.Unlock()
	for _, s := range sessions {
		s.Close()
	}
}

// describe reads what the server says of itself and of the others.
func (p *Cassandra) describe(ctx context.Context, s *gocql.Session, m Member, out *Heard) error {
	var self, version, state string
	err := s.Query("SELECT broadcast_address, host_id, release_version, bootstrapped FROM system.local").ScanContext(ctx, &self, &out.ID, &version, &state)
	if err != nil {
		return err //nolint:wrapcheck // nobody reads it: who does not answer says nothing
	}
	out.Peers = []Peer{{ID: out.ID, Address: storage(self), Voter: state == "COMPLETED"}}
	out.Health = []Server{{ID: out.ID, Name: m.Name, Version: version, Healthy: state == "COMPLETED"}}
	heard, err := p.heard(ctx, s, m)
	if err != nil {
		return err
	}
	rows := s.Query("SELECT peer, host_id, release_version, tokens FROM system.peers_v2").IterContext(ctx).Scanner()
	for rows.Next() {
		var peer, id, version string
		var tokens []string
		if err := rows.Scan(&peer, &id, &version, &tokens); err != nil {
			return err //nolint:wrapcheck // as above
		}
		out.Peers = append(out.Peers, Peer{ID: id, Address: storage(peer), Voter: len(tokens) > 0})
		out.Health = append(out.Health, Server{ID: id, Version: version, Healthy: heard[peer]})
	}
	return rows.Err() //nolint:wrapcheck // as above
}

// heard are the members whose heartbeat goes on in the eyes of one, and that are at
// work, by address.
func (p *Cassandra) heard(ctx context.Context, s *gocql.Session, m Member) (map[string]bool, error) {
	out, now := map[string]bool{}, time.Now()
	rows := s.Query("SELECT address, generation, heartbeat, status_with_port FROM system_views.gossip_info").IterContext(ctx).Scanner()
	for rows.Next() {
		var address, status string
		var last pulse
		if err := rows.Scan(&address, &last.generation, &last.beat, &status); err != nil {
			return nil, err //nolint:wrapcheck // as above
		}
		p.mu.Lock()
		out[address] = p.hearts.beats(m.Container, address, last, now) && strings.HasPrefix(status, "NORMAL")
		p.mu.Unlock()
	}
	return out, rows.Err() //nolint:wrapcheck // as above
}

// storage is the address by which a member is known.
func storage(address string) string { return net.JoinHostPort(address, strconv.Itoa(storagePort)) }

const storagePort = 7000

// silence is for how long a heartbeat may not be heard. A server counts its own every
// second, and each tells three others what it knows.
const silence = 5 * time.Second

// pulse is a heartbeat: of which process, and its number.
type pulse struct{ generation, beat int }

// heart is the last that was heard of one, and when it came; zero where it may be old.
type heart struct {
	pulse
	at time.Time
}

// hearts are those that each observer hears of.
type hearts map[[2]string]heart

// beats notes down a heartbeat and tells whether it goes on. What is heard first may be
// that of a server long gone.
func (h hearts) beats(observer, address string, now pulse, at time.Time) bool {
	of := [2]string{observer, address}
	last, known := h[of]
	if !known || last.pulse != now {
		last = heart{pulse: now}
		if known {
			last.at = at
		}
		h[of] = last
	}
	return at.Sub(last.at) < silence
}
