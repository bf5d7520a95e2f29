// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/consul/api"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

// adopted tells whether the volume is that of a set which was made by hand.
func (l *local) adopted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.marker.Grant.Kind == engine.GrantAdopt
}

// unreached tells whether no leader has been in touch with a server since it started
// that was taken over. Raft's configuration cannot be read from it until then.
func (l *local) unreached(self wire.Self, leader string) bool {
	return leader == "" && l.adopted() && self.Untouched()
}

// heardOf is a server as gossip knows it.
type heardOf struct {
	name, address string // that of Raft
	status        int
}

// gossip lists the servers that this one has heard of, by identity.
func gossip(client *api.Client, q *api.QueryOptions) (map[string]heardOf, error) {
	var members []*api.AgentMember
	if _, err := client.Raw().Query("/v1/agent/members", &members, q); err != nil {
		return nil, err //nolint:wrapcheck // nobody is told of it
	}
	out := map[string]heardOf{}
	for _, m := range members {
		if m.Tags["role"] == "consul" && m.Tags["id"] != "" {
			out[m.Tags["id"]] = heardOf{name: m.Name, address: net.JoinHostPort(m.Addr, m.Tags["port"]), status: m.Status}
		}
	}
	return out, nil
}

// seenView is the membership as this server alone has it, for as long as others of an
// adopted set may have no agent: its own copy of Raft's configuration, and who leads.
// It also has this server look for the others again where they have lost it.
//
// A peer is healthy if the leader finds it so, this server hears it, and Raft and
// gossip have the same address for it: one that came back under another address is
// known by it when the leader has changed the configuration.
//
// Whether autopilot removes servers is added to the facts.
func (l *local) seenView(client *api.Client, q *api.QueryOptions, raft *api.RaftConfiguration, leader string, facts map[string]string) *engine.View {
	if !l.adopted() {
		return nil
	}
	heard, err := gossip(client, q)
	if err != nil {
		return nil
	}
	if !slices.ContainsFunc(raft.Servers, func(s *api.RaftServer) bool { return s.ID == l.storedID() && s.Address == l.advertised() }) {
		l.returnTo(client, q)
	}
	health := map[string]api.ServerHealth{}
	if leader != "" {
		reply, err := client.Operator().AutopilotServerHealth(q)
		if err != nil {
			return nil // the leader does not say how they are
		}
		for _, h := range reply.Servers {
			health[h.ID] = h
		}
		if autopilot, err := client.Operator().AutopilotGetConfiguration(q); err == nil {
			facts[consul.FactCleanup] = strconv.FormatBool(autopilot.CleanupDeadServers)
		}
	}
	v := &engine.View{}
	for _, s := range raft.Servers {
		p := engine.Peer{ID: s.ID, Name: heard[s.ID].name, Address: s.Address, Version: health[s.ID].Version, Voter: s.Voter}
		if s.ID == l.storedID() {
			p.Name = l.config.Member
		}
		p.Leader = leader != "" && s.Address == leader
		p.Healthy = health[s.ID].Healthy && heard[s.ID].status == serfAlive && heard[s.ID].address == s.Address
		v.Peers = append(v.Peers, p)
	}
	slices.SortFunc(v.Peers, func(a, b engine.Peer) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	voters, healthy := engine.Assessment{Peers: v.Peers}.Voters()
	v.Tolerance = max(0, healthy-engine.Majority(voters))
	return v
}

// returnTo has the server join the others, for as long as Raft knows it by the address
// that it had when it was made by hand. Gossip refuses a known name with a new address
// until the old one has been dead for 30 seconds, which no setting changes, and a server
// then tells the others of itself every half a minute only. The leader moves the vote
// to the new address as soon as gossip has it, and not before does it get in touch.
func (l *local) returnTo(client *api.Client, q *api.QueryOptions) {
	heard, err := gossip(client, q)
	if err != nil {
		return // it is tried again with the next look
	}
	own := l.storedID()
	for id, other := range heard {
		host, _, err := net.SplitHostPort(other.address)
		if err != nil || id == own || other.status != serfAlive || !l.mayKnock(host, time.Now()) {
			continue
		}
		go l.knock(client, net.JoinHostPort(host, strconv.Itoa(consul.PortSerf)), host)
	}
}

// inherit has whoever leads hand over to this server.
func (l *local) inherit(ctx context.Context) error {
	client, err := l.client()
	if err != nil {
		return err
	}
	own := l.advertised()
	leader, err := client.Status().LeaderWithQueryOptions(wire.Query(ctx))
	if err != nil {
		return fmt.Errorf("reading the leader: %w", err)
	}
	if leader == own {
		return nil
	}
	if _, err := client.Operator().RaftLeaderTransfer(l.storedID(), wire.Query(ctx)); err != nil {
		return fmt.Errorf("having %s hand over: %w", leader, err)
	}
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, handoverTimeout, true, func(ctx context.Context) (bool, error) {
		leader, err := client.Status().LeaderWithQueryOptions(wire.Query(ctx))
		return err == nil && leader == own, nil
	})
	if err != nil {
		return fmt.Errorf("waiting to lead: %w", err)
	}
	return nil
}
