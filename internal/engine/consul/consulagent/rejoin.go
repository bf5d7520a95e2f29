// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine/consul"
)

// Gossip tries a member that it has given up again every 30 seconds, and no setting
// changes that. Raft finds a server that was cut off within a second of its return;
// it counts as healthy only when gossip has found it too. So the leader's agent
// knocks, and has its server join whoever opens. That is what the server does by
// itself, but sooner.
//
// Only a member of Raft's configuration that autopilot lists as failed is tried, and
// it is joined only where something answers at its address. Whoever has left, was
// let go of, or was never in is not.

const (
	// knockEvery is how often one address is tried, and knockTime bounds a try: a
	// new one gets through at once where the one before would try again only
	// seconds later.
	knockEvery = 300 * time.Millisecond
	knockTime  = 300 * time.Millisecond
	// joinTime bounds what the server then does.
	joinTime = 5 * time.Second
)

// rejoin knocks at all that gossip has given up, without waiting for them.
func (l *local) rejoin(client *api.Client, health *api.OperatorHealthReply) {
	for _, h := range health.Servers {
		host, _, err := net.SplitHostPort(h.Address)
		if err != nil || h.SerfStatus != "failed" || !l.mayKnock(host, time.Now()) {
			continue
		}
		go l.knock(client, net.JoinHostPort(host, strconv.Itoa(consul.PortSerf)), host)
	}
}

// mayKnock tells whether an address may be tried now, and takes the turn.
func (l *local) mayKnock(host string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.knocks[host]) {
		return false
	}
	if l.knocks == nil {
		l.knocks = map[string]time.Time{}
	}
	l.knocks[host] = now.Add(knockTime + joinTime) // until it is over
	return true
}

// knock has the server join the address if anything answers there. What comes of it
// is seen in the membership.
func (l *local) knock(client *api.Client, address, host string) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), knockTime+joinTime)
	defer cancel()
	dialer := net.Dialer{Timeout: knockTime}
	if conn, err := dialer.DialContext(ctx, "tcp", address); err == nil {
		_ = conn.Close() // nothing was said
		_, _ = client.Raw().Write("/v1/agent/join/"+address, nil, nil, (&api.WriteOptions{}).WithContext(ctx))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.knocks[host] = begun.Add(knockEvery)
}
