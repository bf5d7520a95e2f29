// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package fence

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
)

var own = Own{Member: "db-1", PodUID: "pod", ClusterID: "set", Epoch: 5}

func grantRequest(change func(*protocol.ActionRequest)) protocol.ActionRequest {
	r := protocol.ActionRequest{
		ID: "a", Epoch: 5, PodUID: "pod", ClusterID: "set",
		Grant: &engine.Grant{Kind: engine.GrantForm, Size: 3, ClusterID: "set", PodUID: "pod", ClaimUID: "claim"},
	}
	change(&r)
	return r
}

func stepRequest(change func(*protocol.ActionRequest)) protocol.ActionRequest {
	r := protocol.ActionRequest{
		ID: "a", Epoch: 5, PodUID: "pod", ClusterID: "set",
		Step: &engine.Step{Kind: engine.StepLeave, Member: "db-1"},
	}
	change(&r)
	return r
}

func TestCheck(t *testing.T) {
	type request = protocol.ActionRequest
	for _, c := range []struct {
		name string
		r    request
		want protocol.RefusalReason
	}{
		{"a grant", grantRequest(func(*request) {}), ""},
		{"a grant to join needs no size", grantRequest(func(r *request) { r.Grant.Kind, r.Grant.Size = engine.GrantJoin, 0 }), ""},
		{"a step", stepRequest(func(*request) {}), ""},
		{"a newer epoch", stepRequest(func(r *request) { r.Epoch = 6 }), ""},

		{"nothing", request{}, protocol.RefusedMalformed},
		{"no ID", stepRequest(func(r *request) { r.ID = "" }), protocol.RefusedMalformed},
		{"a long ID", stepRequest(func(r *request) { r.ID = strings.Repeat("x", 129) }), protocol.RefusedMalformed},
		{"no epoch", stepRequest(func(r *request) { r.Epoch = 0 }), protocol.RefusedMalformed},
		{"a negative epoch", stepRequest(func(r *request) { r.Epoch = -1 }), protocol.RefusedMalformed},
		{"neither grant nor step", stepRequest(func(r *request) { r.Step = nil }), protocol.RefusedMalformed},
		{"grant and step", grantRequest(func(r *request) { r.Step = &engine.Step{Kind: engine.StepLeave, Member: "db-1"} }), protocol.RefusedMalformed},
		{"an unknown grant", grantRequest(func(r *request) { r.Grant.Kind = "Resume" }), protocol.RefusedMalformed},
		{"forming a set of none", grantRequest(func(r *request) { r.Grant.Size = 0 }), protocol.RefusedMalformed},
		{"a grant for no claim", grantRequest(func(r *request) { r.Grant.ClaimUID = "" }), protocol.RefusedMalformed},
		{"a step of no kind", stepRequest(func(r *request) { r.Step.Kind = "" }), protocol.RefusedMalformed},
		{"a grant as a step", stepRequest(func(r *request) { r.Step.Kind = engine.StepGrant }), protocol.RefusedMalformed},

		{"another pod", stepRequest(func(r *request) { r.PodUID = "x" }), protocol.RefusedOther},
		{"no pod", stepRequest(func(r *request) { r.PodUID = "" }), protocol.RefusedOther},
		{"another set", stepRequest(func(r *request) { r.ClusterID = "x" }), protocol.RefusedOther},
		{"another member", stepRequest(func(r *request) { r.Step.Member = "db-2" }), protocol.RefusedOther},
		{"a grant for another pod", grantRequest(func(r *request) { r.Grant.PodUID = "x" }), protocol.RefusedOther},
		{"a grant for another set", grantRequest(func(r *request) { r.Grant.ClusterID = "x" }), protocol.RefusedOther},
		{"another pod's newer epoch", stepRequest(func(r *request) { r.PodUID, r.Epoch = "x", 9 }), protocol.RefusedOther},

		{"an older epoch", stepRequest(func(r *request) { r.Epoch = 4 }), protocol.RefusedStale},
		{"a grant of an older epoch", grantRequest(func(r *request) { r.Epoch = 1 }), protocol.RefusedStale},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, Check(own, c.r), c.want) })
	}
}

func TestCheckStep(t *testing.T) {
	server := engine.Server{Running: true, ID: "id-1", Term: 7, View: &engine.View{Peers: []engine.Peer{
		{ID: "id-1", Name: "db-1"}, {ID: "id-2", Name: "db-2"}, {ID: "id-2-old", Name: "db-2"}, {ID: "id-9"},
	}}}
	with := func(change func(*engine.Server)) engine.Server {
		s := server
		change(&s)
		return s
	}
	step := func(subject, id string, term uint64) engine.Step {
		return engine.Step{Kind: engine.StepEvictDead, Member: "db-1", Subject: subject, SubjectID: id, Term: term}
	}
	down := engine.Server{}
	for _, c := range []struct {
		name   string
		server engine.Server
		step   engine.Step
		want   protocol.RefusalReason
	}{
		{"nothing to compare", down, step("", "", 0), ""},
		{"the same term", server, step("", "", 7), ""},
		{"a server that lags", server, step("", "", 8), ""},
		{"a server that moved on", server, step("", "", 6), protocol.RefusedMoved},
		{"a server that does not answer", down, step("", "", 7), protocol.RefusedMoved},
		{"a server without a term", with(func(s *engine.Server) { s.Term = 0 }), step("", "", 7), protocol.RefusedMoved},

		{"itself", server, step("", "id-1", 0), ""},
		{"itself by name", server, step("db-1", "id-1", 0), ""},
		{"itself, another identity", server, step("", "id-0", 0), protocol.RefusedMoved},
		{"itself, not answering", with(func(s *engine.Server) { s.Running = false }), step("", "id-1", 0), ""},
		{"itself, not answering, another identity", with(func(s *engine.Server) { s.Running = false }), step("", "id-0", 0), protocol.RefusedMoved},
		{"itself, identity unknown", with(func(s *engine.Server) { s.ID = "" }), step("", "id-1", 0), protocol.RefusedMoved},

		{"another", server, step("db-2", "id-2", 0), ""},
		{"another's old identity", server, step("db-2", "id-2-old", 0), ""},
		{"an identity without a name", server, step("db-9", "id-9", 0), ""},
		{"another under a new identity", server, step("db-2", "id-3", 0), protocol.RefusedMoved},
		{"one that is not a member", server, step("db-3", "id-3", 0), ""},
		{"another, membership unknown", with(func(s *engine.Server) { s.View = nil }), step("db-2", "id-2", 0), protocol.RefusedMoved},
		{"another, server down", down, step("db-2", "id-2", 0), protocol.RefusedMoved},
		{"right identity, wrong term", server, step("db-2", "id-2", 3), protocol.RefusedMoved},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, CheckStep(own, c.server, c.step), c.want) })
	}
}

func expect(t *testing.T, got *protocol.Refusal, want protocol.RefusalReason) {
	t.Helper()
	if got == nil {
		if want != "" {
			t.Errorf("passed, want %s", want)
		}
		return
	}
	if got.Reason != want {
		t.Errorf("refused as %s (%s), want %q", got.Reason, got.Message, want)
	}
	if got.Message == "" {
		t.Error("refused without a message")
	}
}
