// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
)

func TestExcess(t *testing.T) {
	long, longer := strings.Repeat("x", maxWord+1), strings.Repeat("x", maxText+1)
	many := func(n int) map[string]string {
		out := map[string]string{}
		for i := range n {
			out[fmt.Sprint(i)] = "v"
		}
		return out
	}
	for name, change := range map[string]func(*protocol.ReportReply){
		"revision":       func(r *protocol.ReportReply) { r.Revision = long },
		"member":         func(r *protocol.ReportReply) { r.Report.Member = long },
		"pod":            func(r *protocol.ReportReply) { r.Report.PodUID = long },
		"volume":         func(r *protocol.ReportReply) { r.Report.Volume = engine.VolumeState(long) },
		"cluster":        func(r *protocol.ReportReply) { r.Report.ClusterID = long },
		"claim":          func(r *protocol.ReportReply) { r.Report.ClaimUID = long },
		"grant":          func(r *protocol.ReportReply) { r.Report.Grant = engine.GrantKind(long) },
		"identity":       func(r *protocol.ReportReply) { r.Report.Server.ID = long },
		"version":        func(r *protocol.ReportReply) { r.Report.Server.Version = long },
		"role":           func(r *protocol.ReportReply) { r.Report.Server.Role = long },
		"problem":        func(r *protocol.ReportReply) { r.Report.Problem = longer },
		"action":         func(r *protocol.ReportReply) { r.Report.Action.ID = long },
		"action's kind":  func(r *protocol.ReportReply) { r.Report.Action.Kind = engine.StepKind(long) },
		"action's end":   func(r *protocol.ReportReply) { r.Report.Action.Error = longer },
		"the one before": func(r *protocol.ReportReply) { r.Report.Action.Before = longer },
		"fact":           func(r *protocol.ReportReply) { r.Report.Server.Facts[long] = "" },
		"fact's value":   func(r *protocol.ReportReply) { r.Report.Server.Facts["a"] = longer },
		"facts":          func(r *protocol.ReportReply) { r.Report.Server.Facts = many(maxFacts + 1) },
		"mounts":         func(r *protocol.ReportReply) { r.Report.Mounts = many(maxMounts + 1) },
		"mount":          func(r *protocol.ReportReply) { r.Report.Mounts["a"] = longer },
		"peers":          func(r *protocol.ReportReply) { r.Report.Server.View.Peers = make([]engine.Peer, maxPeers+1) },
		"peer's id":      func(r *protocol.ReportReply) { r.Report.Server.View.Peers[1].ID = long },
		"peer's name":    func(r *protocol.ReportReply) { r.Report.Server.View.Peers[1].Name = long },
		"peer's place":   func(r *protocol.ReportReply) { r.Report.Server.View.Peers[1].Address = long },
		"peer's age":     func(r *protocol.ReportReply) { r.Report.Server.View.Peers[1].Version = long },
	} {
		r := usual()
		change(&r)
		if excess(r) == "" {
			t.Errorf("%s: let pass", name)
		}
	}
	if why := excess(usual()); why != "" {
		t.Errorf("a usual report has %s", why)
	}
	if why := excess(protocol.ReportReply{Revision: "r", Report: engine.Report{Problem: strings.Repeat("x", 1024)}}); why != "" {
		t.Errorf("the report of a server that does not run has %s", why)
	}
}

// usual is the report of a leader of nine.
func usual() protocol.ReportReply {
	uid := strings.Repeat("0", 36)
	r := engine.Report{
		Protocol: 1, Member: strings.Repeat("n", 47), PodUID: uid, Volume: engine.VolumeMember, ClusterID: uid, ClaimUID: uid,
		Action: &engine.ActionState{ID: strings.Repeat("i", 128), Kind: engine.StepEvictDead, Error: strings.Repeat("e", 1024), Before: strings.Repeat("e", 1024)},
		Mounts: map[string]string{"shared/file.server.json": uid}, Problem: strings.Repeat("p", 1024),
		Server: engine.Server{ID: uid, Role: "leader", Version: "1.22.3", Facts: map[string]string{"acl": "Ready"}, View: &engine.View{}},
	}
	for range 9 {
		r.Server.View.Peers = append(r.Server.View.Peers, engine.Peer{ID: uid, Name: r.Member, Address: "[2001:db8:1111:2222:3333:4444:5555:6666]:8300", Version: "1.22.3"})
	}
	return protocol.ReportReply{Revision: strings.Repeat("A", 26) + ".18446744073709551615", Report: r}
}

// Who sends what is out of bounds is as good as silent, in the long poll and in
// a fresh look alike.
func TestAReportOutOfBoundsIsSilence(t *testing.T) {
	inBubble(t, func(w *world) {
		w.follow(key, target("0"), target("1"))
		w.expectWoken(key, 2)
		w.network.agents["a0"].says("r2", strings.Repeat("x", maxText+1))
		w.expectWoken(key, 1)
		w.expectHeard(key, map[string]string{"u1": ""})
		expectReports(w.T, w.Refresh(w.Context(), key), map[string]string{"u1": ""})
	})
}
