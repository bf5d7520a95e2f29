// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"strings"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest/raft"
)

// words writes what a Consul server's local half reports. Before access
// control is bootstrapped nobody may read term, role and membership.
func words(s raft.Status) engine.Server {
	if !s.Running {
		return engine.Server{Keys: s.Keys}
	}
	out := engine.Server{
		Running: true, Keys: s.Keys, ID: s.ID, Formed: s.Formed, Leader: s.Leader, Facts: map[string]string{"acl": "Pending"},
	}
	if !s.Bootstrapped {
		return out
	}
	out.Facts["acl"] = "Ready"
	if len(s.Voters) > 0 {
		out.Facts["log"], out.Facts["voters"] = "1/1", strings.Join(s.Voters, ",")
	}
	out.Version, out.Term, out.Serving = "1.22.3", s.Term, s.Serving
	switch {
	case s.Leader:
		out.Role = "leader"
	case s.Voter:
		out.Role = "follower"
	default:
		out.Role = "nonvoter"
	}
	if s.Peers == nil {
		return out
	}
	out.View = &engine.View{Peers: s.Peers, Tolerance: tolerance(s.Peers)}
	out.Facts["cleanupDeadServers"] = "false"
	out.Facts["minQuorum"] = "0"
	if q := s.Settings["minQuorum"]; q != "" {
		out.Facts["minQuorum"] = q
	}
	return out
}

func tolerance(peers []engine.Peer) int {
	voters, healthy := engine.Assessment{Peers: peers}.Voters()
	return max(0, healthy-engine.Majority(voters))
}
