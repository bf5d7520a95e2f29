// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine"
)

// SameReign tells whether the server led all the time in between, and whether
// the configuration that it then had is committed now.
func SameReign(before, after Self) bool {
	return before.Stats.Raft["state"] == "Leader" && after.Stats.Raft["state"] == "Leader" &&
		before.Number("term") == after.Number("term") &&
		before.Number("latest_configuration_index") == after.Number("latest_configuration_index") &&
		after.Number("latest_configuration_index") <= after.Number("commit_index")
}

// Peers joins the Raft configuration, which says who is a member, with
// autopilot's word on how each of them is.
func Peers(raft *api.RaftConfiguration, health *api.OperatorHealthReply) []engine.Peer {
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

// Voters lists the identities that have a vote.
func Voters(raft *api.RaftConfiguration) []string {
	var out []string
	for _, s := range raft.Servers {
		if s.Voter {
			out = append(out, s.ID)
		}
	}
	return out
}
