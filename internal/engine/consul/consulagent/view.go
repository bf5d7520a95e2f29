// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"strconv"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

// leaderView is the membership as this leader knows it, with autopilot's
// settings added to the facts; nil if it could not confirm that it leads.
//
// Consul reads the Raft configuration from the leader's memory, and a leader
// that was cut off takes a moment to notice. So the view counts only if a read
// that needs a quorum succeeded afterwards, in the same term, and the
// configuration is committed.
func (l *local) leaderView(client *api.Client, q *api.QueryOptions, raft *api.RaftConfiguration, before wire.Self, facts map[string]string) *engine.View {
	health, err := client.Operator().AutopilotServerHealth(q)
	if err != nil {
		return nil
	}
	l.rejoin(client, health)
	autopilot, err := client.Operator().AutopilotGetConfiguration(q)
	if err != nil {
		return nil
	}
	if err := l.confirm(client, q); err != nil {
		return nil
	}
	after, err := wire.ReadSelf(client, q)
	if err != nil || !wire.SameReign(before, after) {
		return nil
	}
	facts[consul.FactQuorum] = strconv.FormatUint(uint64(autopilot.MinQuorum), 10)
	facts[consul.FactCleanup] = strconv.FormatBool(autopilot.CleanupDeadServers)
	return &engine.View{Peers: wire.Peers(raft, health), Tolerance: health.FailureTolerance}
}
