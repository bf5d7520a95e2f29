// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/faultpoint"
)

// patience is for one phase of a life, on a busy machine.
const patience = 60 * time.Second

// crash says what the kubelet does when an agent died.
type crash string

const (
	// agentAlone restarts the agent beside a server that runs on.
	agentAlone crash = "agent alone"
	// serverToo restarts the server while there is no agent, then the agent.
	serverToo crash = "server too"
	// wholePod restarts the sandbox, with init.
	wholePod crash = "whole pod"
)

// TestLifeWithACrashAtEachPoint has a member form, be recovered, leave and join
// again, with a crash at one point, for each point and each way to come back from it.
func TestLifeWithACrashAtEachPoint(t *testing.T) {
	tried := 0
	for _, name := range faultpoint.All() {
		if !strings.HasPrefix(name, "agent.") && !strings.HasPrefix(name, "init.") {
			continue
		}
		tried++
		points := []string{name}
		switch name {
		case "agent.marker-staged":
			// Each write of the marker in a life: grant, formed, epoch of the
			// recovery, recovering, recovered, epoch of the leave, leaving, grant
			// again, formed again.
			for n := 2; n <= 9; n++ {
				points = append(points, fmt.Sprintf("%s@%d", name, n))
			}
		case "agent.marker-written", "agent.action-accepted", "agent.config-released", "agent.gate-opened", "agent.form-dropped", "agent.formed-marked":
			// Also the second time, after joining again.
			points = []string{name, name + "@2"}
		}
		for _, point := range points {
			for _, how := range []crash{agentAlone, serverToo, wholePod} {
				t.Run(point+"/"+string(how), func(t *testing.T) {
					t.Parallel()
					p := newPod(t, dying(t, point)...)
					p.life(how)
					if p.deaths != 1 {
						t.Errorf("the point was reached and died at %d times", p.deaths)
					}
				})
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d points are registered", tried)
	}
}

func TestLifeWithoutACrash(t *testing.T) {
	p := newPod(t)
	p.life(agentAlone)
	if p.deaths != 0 {
		t.Errorf("%d deaths", p.deaths)
	}
}

// life takes a member from an empty volume through everything.
func (p *pod) life(how crash) {
	p.t.Helper()
	p.sandbox()
	grant := func(kind engine.GrantKind) protocol.ActionRequest {
		return protocol.ActionRequest{ID: string(kind), Epoch: 1, PodUID: p.PodUID, ClusterID: p.ClusterID, Grant: &engine.Grant{
			Kind: kind, Size: 1, ClusterID: p.ClusterID, PodUID: p.PodUID, ClaimUID: "q",
		}}
	}
	form, join := grant(engine.GrantForm), grant(engine.GrantJoin)
	leave := protocol.ActionRequest{ID: "leave", Epoch: 2, PodUID: p.PodUID, ClusterID: p.ClusterID, Step: &engine.Step{
		Kind: engine.StepLeave, Member: p.Member,
	}}
	recovery := protocol.ActionRequest{ID: "recover", Epoch: 2, PodUID: p.PodUID, ClusterID: p.ClusterID, Step: &engine.Step{
		Kind: engine.StepRecover, Member: p.Member, Recovery: 1, Params: map[string]string{"peers": "[]"},
	}}
	leave.Epoch, join.Epoch = 3, 4

	p.phase(how, form, func(r engine.Report, m *engine.Marker) bool {
		return r.Volume == engine.VolumeMember && r.Server.Serving && m != nil && m.Formed
	})
	if p.formations != 1 {
		p.t.Fatalf("the server formed a set %d times", p.formations)
	}
	p.phase(how, recovery, func(r engine.Report, m *engine.Marker) bool {
		if r.Volume == engine.VolumeRecovering && p.lock != nil {
			p.stopServer() // its pod is replaced, and it with it
		}
		return r.Volume == engine.VolumeMember && r.Server.Serving && m != nil && m.Recovered == 1 && p.recoveries > 0
	})
	if p.recoveries != 1 || p.exists(filepath.Join(p.DataDir, raftDir), peersFile) {
		p.t.Fatalf("the server was recovered %d times, or will be once more", p.recoveries)
	}
	p.phase(how, leave, func(r engine.Report, _ *engine.Marker) bool {
		return r.Volume == engine.VolumeLeaving && !r.Released
	})
	if !p.held() || p.lock != nil {
		p.t.Fatal("a server that has left runs, or could")
	}
	p.must(os.WriteFile(filepath.Join(p.DataDir, raftDir, "old"), nil, 0o600))
	p.phase(how, join, func(r engine.Report, m *engine.Marker) bool {
		return r.Volume == engine.VolumeMember && r.Server.Serving && m != nil && m.Formed && m.Grant.Kind == engine.GrantJoin
	})
	if p.exists(filepath.Join(p.DataDir, raftDir), "old") {
		p.t.Error("a member joined with the data that it left with")
	}
	if m := p.check(); m.Leaving || m.Epoch != 4 {
		p.t.Errorf("at the end the marker is %+v", m)
	}
	if p.formations != 1 {
		p.t.Errorf("the server formed a set %d times", p.formations)
	}
}

// phase asks for an action until its effect is reported, playing the kubelet
// all the while.
func (p *pod) phase(how crash, action protocol.ActionRequest, done func(engine.Report, *engine.Marker) bool) {
	p.t.Helper()
	var last engine.Report
	for end := time.Now().Add(patience); time.Now().Before(end); {
		p.server()
		marker := p.check()
		if p.recover(how) {
			continue
		}
		address, err := os.ReadFile(filepath.Join(p.dir, "manager.address"))
		if err != nil {
			time.Sleep(5 * time.Millisecond) // the agent is starting
			continue
		}
		reply, err := p.client.Report(p.t.Context(), string(address), "", 0)
		if err != nil {
			time.Sleep(5 * time.Millisecond) // the agent is starting, or dead
			continue
		}
		last = reply.Report
		if done(last, marker) {
			return
		}
		// A refusal or a broken connection is answered by asking again.
		_ = p.client.Act(p.t.Context(), string(address), action)
		time.Sleep(5 * time.Millisecond) // the action takes its time
	}
	p.t.Fatalf("the action %s did not come to its end: %+v", action.ID, last)
}

// recover brings back what a dead agent leaves behind.
func (p *pod) recover(how crash) bool {
	p.t.Helper()
	select {
	case err := <-p.ended:
		p.died(err)
	default:
		return false
	}
	p.check()
	switch how {
	case serverToo:
		p.stopServer()
		p.server()
		p.startAgent()
	case wholePod:
		p.sandbox()
	default:
		p.startAgent()
	}
	return true
}
