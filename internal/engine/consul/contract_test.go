// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"cmp"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/engine/enginetest/raft"
)

// TestContract runs the contract suite over the model of a Raft server that
// speaks Consul's words.
func TestContract(t *testing.T) {
	cov := enginetest.Run(t, enginetest.Subject{Engine: Engine{}, Model: raft.New(reportAsConsul)})
	for _, kind := range []engine.StepKind{engine.StepBootstrap, engine.StepConfigure, engine.StepEvictDead, engine.StepLeave, engine.StepStepDown, engine.StepRotateKey + "/Add", engine.StepRotateKey + "/Remove"} {
		if cov.Admitted[string(kind)] == 0 {
			t.Errorf("no %s was ever asked for", kind)
		}
	}
}

// reportAsConsul puts what the model knows of a server into the words of this
// engine's local half. Before access control is bootstrapped a server tells no
// more than the status calls do.
func reportAsConsul(s raft.Status) engine.Server {
	out := engine.Server{Running: s.Running, ID: s.ID, Keys: s.Keys}
	if !s.Running {
		return out
	}
	out.Formed, out.Leader = s.Formed, s.Leader
	out.Facts = map[string]string{FactACL: ACLPending}
	if !s.Formed || !s.Bootstrapped {
		return out
	}
	out.Facts = map[string]string{FactACL: ACLReady, FactLog: "1/1", FactVoters: strings.Join(s.Voters, ",")}
	out.Version, out.Term, out.Serving = "1.22.3", s.Term, s.Serving
	if s.Leader && s.Peers != nil {
		out.View = &engine.View{Peers: s.Peers, Tolerance: tolerance(s.Peers)}
		out.Facts[FactQuorum] = cmp.Or(s.Settings[ParamQuorum], "0")
		out.Facts[FactCleanup] = "false"
	}
	return out
}

// tolerance is autopilot's own figure.
func tolerance(peers []engine.Peer) int {
	voters, healthy := engine.Assessment{Peers: peers}.Voters()
	return max(0, healthy-engine.Majority(voters))
}
