// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"slices"
	"strings"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"github.com/quorate/quorate/internal/engine"
)

// The states that servers tell each other.
const (
	statusNormal  = "NORMAL"
	statusLeaving = "LEAVING"
)

// joining are those of one that has no tokens yet.
var joining = []string{"BOOT", "BOOT_REPLACE"}

// sight is what a server sees of the ring.
type sight struct {
	// peers are the others that have tokens, and those that are joining. One that is
	// leaving serves until it is gone.
	peers []engine.Peer
	// leaving are the identities of those that are leaving and are heard, and own what the
	// server tells of its own state. One that died while it was leaving gives away nothing
	// more, though it is told of as leaving for as long as it is in the ring.
	leaving []string
	own     string
}

// see asks the server what it sees; self is its own address.
func (l *local) see(ctx context.Context, s *gocql.Session, self string) (out sight, err error) {
	if out.peers, err = withTokens(ctx, s); err != nil {
		return out, err
	}
	rows := s.Query("SELECT address, generation, heartbeat, status_with_port, host_id FROM system_views.gossip_info").IterContext(ctx).Scanner()
	for rows.Next() {
		var at, status, id string
		var h heart
		if err := rows.Scan((*address)(&at), &h.generation, &h.beat, &status, &id); err != nil {
			return out, fmt.Errorf("reading system_views.gossip_info: %w", err)
		}
		state, _, _ := strings.Cut(status, ",")
		if beats := l.hears(at, h); at == self {
			out.own = state
		} else {
			out.add(at, id, state, beats)
		}
	}
	if err := rows.Err(); err != nil {
		return out, fmt.Errorf("reading system_views.gossip_info: %w", err)
	}
	return out, nil
}

// withTokens are the others that have tokens.
func withTokens(ctx context.Context, s *gocql.Session) (out []engine.Peer, err error) {
	rows := s.Query("SELECT peer, host_id, release_version, tokens FROM system.peers_v2").IterContext(ctx).Scanner()
	for rows.Next() {
		p := engine.Peer{Voter: true}
		var tokens []string
		if err := rows.Scan((*address)(&p.Address), (*uuid)(&p.ID), &p.Version, &tokens); err != nil {
			return nil, fmt.Errorf("reading system.peers_v2: %w", err)
		}
		if p.ID != "" && len(tokens) > 0 {
			out = append(out, p)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading system.peers_v2: %w", err)
	}
	return out, nil
}

// add adds what is heard of another one.
func (v *sight) add(at, id, state string, beats bool) {
	i := slices.IndexFunc(v.peers, func(p engine.Peer) bool { return p.Address == at })
	switch {
	case i >= 0:
		v.peers[i].Healthy = beats && (state == statusNormal || state == statusLeaving)
		if state == statusLeaving && beats {
			v.leaving = append(v.leaving, v.peers[i].ID)
		}
	case slices.Contains(joining, state):
		v.peers = append(v.peers, engine.Peer{ID: id, Address: at})
	}
}

// moves tells whether the server streams its data away. One that gave up still tells
// others that it leaves, until it is asked again or started again. Where nobody says, it
// may do so.
func (l *local) moves(ctx context.Context) bool {
	runs, err := l.tool.Runs(ctx, decommission)
	return runs || err != nil
}
