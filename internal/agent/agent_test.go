// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/agent/prestop"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/agent/settings"
	"github.com/quorate/quorate/internal/engine"
)

// address of a listener of the agent, once it is there.
func (p *pod) address(name string) string {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if text, err := os.ReadFile(filepath.Join(p.dir, name)); err == nil {
			return string(text)
		}
		time.Sleep(5 * time.Millisecond) // the agent is starting
	}
	p.t.Fatal("the agent did not start")
	return ""
}

// until long-polls until the report is as wanted, and plays the kubelet.
func (p *pod) until(want func(engine.Report) bool) protocol.ReportReply {
	p.t.Helper()
	address := p.address("manager.address")
	var reply protocol.ReportReply
	for end := time.Now().Add(patience); time.Now().Before(end); {
		p.server()
		var err error
		reply, err = p.client.Report(p.t.Context(), address, reply.Revision, time.Second)
		p.must(err)
		if want(reply.Report) {
			return reply
		}
	}
	p.t.Fatalf("the report stays %+v", reply.Report)
	return reply
}

func (p *pod) form() {
	p.t.Helper()
	p.must(p.client.Act(p.t.Context(), p.address("manager.address"), protocol.ActionRequest{
		ID: "form", Epoch: 1, PodUID: p.PodUID, ClusterID: p.ClusterID,
		Grant: &engine.Grant{Kind: engine.GrantForm, Size: 1, ClusterID: p.ClusterID, PodUID: p.PodUID, ClaimUID: "q"},
	}))
}

// probe asks as the kubelet does.
func (p *pod) probe(path string) (bool, string) {
	p.t.Helper()
	response, err := http.Get("http://" + p.address("probes.address") + path)
	p.must(err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	p.must(err)
	return response.StatusCode == http.StatusOK, string(text)
}

func (p *pod) probes(started, ready bool) {
	p.t.Helper()
	for path, want := range map[string]bool{protocol.StartPath: started, protocol.ReadyPath: ready} {
		if got, why := p.probe(path); got != want || why == "" {
			p.t.Errorf("%s: %v (%s), want %v", path, got, why, want)
		}
	}
}

func serving(r engine.Report) bool { return r.Server.Serving }

func TestProbesFollowTheMember(t *testing.T) {
	p := newPod(t)
	p.sandbox()
	p.until(func(r engine.Report) bool { return r.Volume == engine.VolumeEmpty })
	p.probes(false, false)
	p.form()
	p.until(func(r engine.Report) bool { return r.Released })
	p.until(serving)
	p.probes(true, true)
	p.stopServer()
	p.must(os.WriteFile(filepath.Join(p.RunDir, "hold"), nil, 0o600)) // a server that does not come back
	p.until(func(r engine.Report) bool { return !r.Server.Running })
	p.probes(true, false)
}

func TestAMemberStartsWithoutAManager(t *testing.T) {
	p := newPod(t)
	p.sandbox()
	p.form()
	p.until(serving)
	p.stop()
	p.sandbox()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		p.server()
		if ok, _ := p.probe(protocol.ReadyPath); ok {
			p.probes(true, true)
			return
		}
		time.Sleep(5 * time.Millisecond) // the member is starting
	}
	t.Error("the member did not become ready by itself")
}

func TestTheReportSaysWhoReports(t *testing.T) {
	p := newPod(t)
	p.must(os.WriteFile(filepath.Join(p.SharedDir, "file.x"), []byte("x"), 0o600))
	p.sandbox()
	p.form()
	first := p.until(func(r engine.Report) bool { return serving(r) && r.Action != nil && r.Action.Done })
	r := first.Report
	if r.Protocol != protocol.Version || r.Member != "db-0" || r.PodUID != "p" || r.ClusterID != "c" || r.ClaimUID != "q" ||
		r.Grant != engine.GrantForm || r.Epoch != 1 || r.Action.ID != "form" || r.Action.Error != "" || r.Problem != "" {
		t.Errorf("report %+v", r)
	}
	if r.Mounts["member/tls.crt"] == "" || r.Mounts["shared/file.x"] == "" || r.Mounts["member/tls.crt"] == r.Mounts["shared/file.x"] {
		t.Errorf("mounts %v", r.Mounts)
	}
	p.must(p.agent.Process.Signal(syscall.SIGTERM))
	p.must(<-p.ended)
	p.startAgent()
	reply, err := p.client.Report(t.Context(), p.address("manager.address"), first.Revision, time.Minute)
	p.must(err)
	if reply.Revision == first.Revision {
		t.Error("a restarted agent took the old revision for its own")
	}
	if reply.Report.Epoch != 1 {
		t.Errorf("a restarted agent has forgotten the epoch: %+v", reply.Report)
	}
}

func TestPreStopDrains(t *testing.T) {
	p := newPod(t)
	p.sandbox()
	p.until(func(r engine.Report) bool { return r.Volume == engine.VolumeEmpty })
	socket := filepath.Join(p.RunDir, settings.SocketName)
	p.must(prestop.Drain(t.Context(), socket))
	if p.exists(p.dir, "drained") {
		t.Error("a server that never started was drained")
	}
	p.form()
	p.until(serving)
	p.must(prestop.Drain(t.Context(), socket))
	if !p.exists(p.dir, "drained") {
		t.Error("the server was not drained")
	}
}

func TestTheNetworkOutlivesTheServer(t *testing.T) {
	t.Parallel()
	p := newPod(t)
	p.sandbox()
	p.form()
	p.until(func(r engine.Report) bool { return r.Released })
	p.must(os.WriteFile(filepath.Join(p.dir, stableFile), nil, 0o600))
	p.stop()
	p.startAgent()
	p.until(func(r engine.Report) bool { return r.Released })

	asked := time.Now()
	p.must(prestop.Drain(t.Context(), filepath.Join(p.RunDir, settings.SocketName)))
	p.stop()
	if took := time.Since(asked); took < 600*time.Millisecond {
		t.Errorf("the agent, and with it the pod's network, ended %s after preStop was asked for: peers still dial it", took)
	}
}

func TestTheAgentEndsQuickly(t *testing.T) {
	p := newPod(t)
	p.sandbox()
	p.form()
	r := p.until(serving)
	polled := make(chan error, 1)
	go func() {
		_, err := p.client.Report(context.WithoutCancel(t.Context()), p.address("manager.address"), r.Revision, time.Minute)
		polled <- err
	}()
	time.Sleep(100 * time.Millisecond) // the call has to be under way
	start := time.Now()
	p.must(p.agent.Process.Signal(syscall.SIGTERM))
	p.must(<-p.ended)
	p.agent = nil
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	p.must(<-polled)
}

func TestAForeignVolumeIsReportedAndHeld(t *testing.T) {
	p := newPod(t)
	raft := filepath.Join(p.DataDir, raftDir)
	p.must(os.Mkdir(raft, 0o700))
	p.must(p.command("init").Run())
	p.startAgent()
	refuses := func() {
		t.Helper()
		r := p.until(func(r engine.Report) bool { return r.Problem != "" }).Report
		if r.Volume != engine.VolumeForeign || r.Released || !strings.Contains(r.Problem, "no marker") {
			t.Errorf("report %+v", r)
		}
		err := p.client.Act(t.Context(), p.address("manager.address"), protocol.ActionRequest{
			ID: "join", Epoch: 1, PodUID: p.PodUID, ClusterID: p.ClusterID,
			Grant: &engine.Grant{Kind: engine.GrantJoin, ClusterID: p.ClusterID, PodUID: p.PodUID, ClaimUID: "q"},
		})
		if err == nil || !strings.Contains(err.Error(), string(protocol.RefusedVolume)) {
			t.Errorf("a grant for a foreign volume: %v", err)
		}
		if !p.held() {
			t.Error("the server is not held back")
		}
		p.probes(false, false)
	}
	refuses()
	// Without the data the volume looks empty, but init has rendered nothing.
	p.must(os.RemoveAll(raft))
	p.stop()
	p.startAgent()
	refuses()
	// Only a pod that is made anew is looked at anew.
	p.stop()
	p.sandbox()
	p.until(func(r engine.Report) bool { return r.Volume == engine.VolumeEmpty && r.Problem == "" })
}

// TestDataThatWasMadeByHandWaitsForAGrant keeps a server back that was told that its
// data may be its own, until it is granted to go on with it; from then on it is a member
// like any other, and never forms a set.
func TestDataThatWasMadeByHandWaitsForAGrant(t *testing.T) {
	t.Setenv(settings.EnvAdopts, "true")
	p := newPod(t)
	p.must(os.Mkdir(filepath.Join(p.DataDir, raftDir), 0o700))
	p.sandbox()
	p.until(func(r engine.Report) bool { return r.Volume == engine.VolumeUnmarked && !r.Released })
	if !p.held() {
		t.Error("the server is not held back")
	}
	p.probes(false, false)
	act := func(kind engine.GrantKind) error {
		return p.client.Act(t.Context(), p.address("manager.address"), protocol.ActionRequest{
			ID: string(kind), Epoch: 1, PodUID: p.PodUID, ClusterID: p.ClusterID,
			Grant: &engine.Grant{Kind: kind, Size: 1, ClusterID: p.ClusterID, PodUID: p.PodUID, ClaimUID: "q"},
		})
	}
	for _, kind := range []engine.GrantKind{engine.GrantForm, engine.GrantJoin} {
		if err := act(kind); err == nil || !strings.Contains(err.Error(), string(protocol.RefusedVolume)) {
			t.Errorf("a grant to %s: %v", kind, err)
		}
	}
	p.must(act(engine.GrantAdopt))
	p.until(func(r engine.Report) bool {
		return r.Volume == engine.VolumeMember && r.Released && r.Grant == engine.GrantAdopt && r.ClaimUID == "q"
	})
	if p.held() || p.formations > 0 {
		t.Errorf("held back %v, formed %d sets", p.held(), p.formations)
	}
	p.stop()
	p.sandbox()
	p.until(func(r engine.Report) bool { return r.Volume == engine.VolumeMember && r.Released })
	if p.formations > 0 {
		t.Errorf("formed %d sets", p.formations)
	}
}
