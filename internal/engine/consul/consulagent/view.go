// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"strconv"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

// leaderView is the membership as this leader knows it, with autopilot's
// settings added to the facts; nil if it could not confirm that it leads.
//
// Consul reads the Raft configuration from the leader's memory, and a leader
// that was cut off takes a moment to notice. So the view counts only if a read
// that needs a quorum succeeded afterwards, in the same term, and the
// configuration is committed.
func (l *local) leaderView(client *api.Client, q *api.QueryOptions, raft *api.RaftConfiguration, before agentSelf, facts map[string]string) *engine.View {
	health, err := client.Operator().AutopilotServerHealth(q)
	if err != nil {
		return nil
	}
	l.rejoin(client, health)
	autopilot, err := client.Operator().AutopilotGetConfiguration(q)
	if err != nil {
		return nil
	}
	consistent := *q
	consistent.RequireConsistent = true
	if _, _, err := client.ACL().TokenReadSelf(&consistent); err != nil {
		return nil
	}
	after, err := readSelf(client, q)
	if err != nil || !sameReign(before, after) {
		return nil
	}
	facts[consul.FactQuorum] = strconv.FormatUint(uint64(autopilot.MinQuorum), 10)
	facts[consul.FactCleanup] = strconv.FormatBool(autopilot.CleanupDeadServers)
	return &engine.View{Peers: peersOf(raft, health), Tolerance: health.FailureTolerance}
}

// sameReign tells whether the server led all the time in between, and whether
// the configuration that it then had is committed now.
func sameReign(before, after agentSelf) bool {
	return before.Stats.Raft["state"] == "Leader" && after.Stats.Raft["state"] == "Leader" &&
		before.number("term") == after.number("term") &&
		before.number("latest_configuration_index") == after.number("latest_configuration_index") &&
		after.number("latest_configuration_index") <= after.number("commit_index")
}

// peersOf joins the Raft configuration, which says who is a member, with
// autopilot's word on how each of them is.
func peersOf(raft *api.RaftConfiguration, health *api.OperatorHealthReply) []engine.Peer {
	byID := map[string]api.ServerHealth{}
	for _, h := range health.Servers {
		byID[h.ID] = h
	}
	peers := make([]engine.Peer, 0, len(raft.Servers))
	for _, s := range raft.Servers {
		h := byID[s.ID]
		p := engine.Peer{
			ID: s.ID, Name: s.Node, Address: s.Address, Version: h.Version,
			Voter: s.Voter, Leader: s.Leader,
			Healthy: h.Healthy && h.SerfStatus == "alive",
		}
		if p.Name == "(unknown)" { // gossip knows nobody at the address
			p.Name = h.Name
		}
		peers = append(peers, p)
	}
	return peers
}
