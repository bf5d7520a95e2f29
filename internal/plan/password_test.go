// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/engine/enginetest/raft"
	"github.com/quorate/quorate/internal/plan"
)

// TestPasswordRotation holds exactly what the manager does to rotate a password.
func TestPasswordRotation(t *testing.T) {
	set := func(rotates enginetest.Rotated, n int8) *enginetest.Script {
		sc := &enginetest.Scenario{Name: "sequence", Members: enginetest.MaxMembers, Formed: 3, Wanted: rotating(n, 1), Rotates: rotates}
		return enginetest.NewScript(sc.With(enginetest.Subject{Engine: raft.Engine{}, Model: raft.New(raft.Report)}))
	}
	whole := []string{"close", "ledger, Introduce key", "Use key by db-0", "ledger, Promote key", "ledger, open"}
	play(t, []sequence{
		{"of the agents", func() []string { return set(enginetest.RotatesAgents, 3).Rest() }, whole},
		{"of the administrator", func() []string { return set(enginetest.RotatesAdministrators, 3).Rest() }, whole},
		{"a crash after the ledger and before the Secret", func() []string {
			s := set(enginetest.RotatesAgents, 3)
			return append(s.CrashBefore("Promote key"), s.Rest()...)
		}, []string{"close", "ledger, Introduce key", "Use key by db-0", "ledger, Promote key (crash before Promote key)", "ledger, close, epoch on set", "Promote key", "ledger, open"}},
		{"a member that is silent holds it up", func() []string {
			s := set(enginetest.RotatesAgents, 3)
			out := append(s.Until("Use key"), "-- db-2 is silent")
			return append(out, s.Silence(2).Rest()...)
		}, append(slices.Clone(whole[:3]), "-- db-2 is silent", "blocked: "+plan.GuardKeysKnown)},
		{"a member that is silent holds no password up that is not mounted, and was begun", func() []string {
			s := set(enginetest.RotatesAdministrators, 3)
			out := append(s.Until("Introduce key"), "-- db-2 is silent")
			return append(out, s.Silence(2).Rest()...)
		}, append(append(slices.Clone(whole[:2]), "-- db-2 is silent"), "Use key by db-0", "ledger, Promote key", "ledger")},
	})
}

// admitting is an engine whose servers take two passwords, beside the key that they share.
type admitting struct{ consul.Engine }

func (e admitting) Traits() engine.Traits {
	t := e.Engine.Traits()
	t.Credentials = []engine.Credential{
		{Key: "gossip", Mounted: true, Rotates: "gossip-key"},
		{Key: "agent", Mounted: true, Rotates: "agent-password", Login: true},
		{Key: "admin", Rotates: "admin-password", Login: true},
	}
	return t
}

// taking is a set of three that has the keys of a rotation under way, or before it, in
// the Secrets; every agent has mounted them, and its server takes one of them.
func taking(of string, keys plan.Keys, takes ...string) plan.State {
	s := rotatable(plan.Keys{Current: "k"}, []string{"k"}, []string{"k"}, []string{"k"})
	s.Passwords = map[string]plan.Keys{"agent": {Current: "a"}, "admin": {Current: "r"}}
	s.Passwords[of] = keys
	s.Wanted.Rotate.Name = of + "-password"
	for i, takes := range takes {
		r := s.Members[i].Report
		r.Mounts = map[string]string{"member/gossip": "k", "member/agent": s.Passwords["agent"].Current}
		if next := s.Passwords["agent"].Next; next != "" {
			r.Mounts["member/agent-next"] = next
		}
		if takes != "" {
			r.Server.Logins = map[string]string{of: takes}
		}
	}
	return s
}

// done tells what a decision does about credentials, or that none is left to do.
func done(s plan.State, request string) string {
	d := plan.Next(admitting{}, s)
	if told := told(d); told != "nothing" {
		return strings.TrimSpace(told + " " + d.KeyOf)
	}
	if d.Ledger.Rotation == nil && d.Ledger.Rotated == request {
		return "done"
	}
	return "nothing"
}

// TestNextPassword holds which change follows from which passwords.
func TestNextPassword(t *testing.T) {
	one, two := plan.Keys{Current: "a"}, plan.Keys{Current: "a", Next: "b"}
	under := func(of string, promoted bool) *plan.Rotation {
		return &plan.Rotation{Request: of + "-password:now", Credential: of, Promoted: promoted}
	}
	for what, tt := range map[string]struct {
		of       string
		keys     plan.Keys
		rotation *plan.Rotation
		takes    []string
		more     func(*plan.State)
		want     string
	}{
		"nothing yet":                                   {"agent", one, nil, []string{"a", "a", "a"}, nil, "write Introduce agent"},
		"written down only":                             {"agent", one, under("agent", false), []string{"a", "a", "a"}, nil, "write Introduce agent"},
		"in the Secret":                                 {"agent", two, under("agent", false), []string{"a", "a", "a"}, nil, "Use agent-next"},
		"in the Secret, and not in the ledger":          {"agent", two, nil, []string{"a", "a", "a"}, nil, "Use agent-next"},
		"one server takes it":                           {"agent", two, under("agent", false), []string{"b", "a", "a"}, nil, "Use agent-next"},
		"one server does not take it":                   {"agent", two, under("agent", false), []string{"b", "b", "a"}, nil, "Use agent-next"},
		"all servers take it":                           {"agent", two, under("agent", false), []string{"b", "b", "b"}, nil, "write Promote agent"},
		"written down that it is promoted":              {"agent", two, under("agent", true), []string{"b", "b", "b"}, nil, "write Promote agent"},
		"promoted":                                      {"agent", plan.Keys{Current: "b"}, under("agent", true), []string{"b", "b", "b"}, nil, "done"},
		"of one it is not known":                        {"agent", two, under("agent", false), []string{"b", "b", ""}, nil, "blocked keys-known"},
		"an agent from before":                          {"agent", one, nil, []string{"a", "a", ""}, nil, "blocked keys-known"},
		"a kubelet that has yet to mount it":            {"agent", two, under("agent", false), []string{"a", "a", "a"}, func(s *plan.State) { delete(s.Members[1].Report.Mounts, "member/agent-next") }, "blocked keys-known"},
		"an agent of another image goes first":          {"agent", two, under("agent", false), []string{"a", "a", "a"}, func(s *plan.State) { s.Members[2].Pod.Agent, s.Wanted.Agent = "old", "new" }, "nothing"},
		"a member that is silent":                       {"admin", one, nil, []string{"", "", ""}, func(s *plan.State) { s.Members[2].Report = nil }, "blocked keys-known"},
		"the administrator's":                           {"admin", one, nil, []string{"", "", ""}, nil, "write Introduce admin"},
		"the administrator's, in the Secret":            {"admin", two, under("admin", false), []string{"", "", ""}, nil, "Use admin-next"},
		"the administrator's, of another":               {"admin", two, under("admin", false), []string{"", "b", ""}, nil, "Use admin-next"},
		"the administrator's, of who leads":             {"admin", two, under("admin", false), []string{"b", "", ""}, nil, "write Promote admin"},
		"the administrator's, another is silent":        {"admin", two, under("admin", false), []string{"b", "", ""}, func(s *plan.State) { s.Members[2].Report = nil }, "write Promote admin"},
		"the administrator's, while evictions are open": {"admin", two, under("admin", false), []string{"b", "", ""}, func(s *plan.State) { s.Budget = nil }, "write Promote admin"},
		"the administrator's, while the set stops":      {"admin", two, under("admin", false), []string{"b", "", ""}, func(s *plan.State) { s.Wanted.Stopped = true }, "write Promote admin"},
		"the administrator's, once more, one is silent": {"admin", two, under("admin", false), []string{"", "", ""}, func(s *plan.State) { s.Members[2].Report = nil }, "Use admin-next"},
		"the administrator's, promoted":                 {"admin", plan.Keys{Current: "b"}, under("admin", true), []string{"b", "", ""}, nil, "done"},
		"another one is asked for in the middle":        {"agent", two, under("agent", false), []string{"b", "b", "b"}, func(s *plan.State) { s.Wanted.Rotate.Name = "gossip-key" }, "write Promote agent"},
		"a key is rotated first":                        {"agent", one, &plan.Rotation{Request: "gossip-key:then", From: "k"}, []string{"a", "a", "a"}, nil, "write Introduce gossip"},
		"the Secret was not read":                       {"agent", one, nil, []string{"a", "a", "a"}, func(s *plan.State) { s.Passwords = nil }, "nothing"},
	} {
		t.Run(what, func(t *testing.T) {
			s := taking(tt.of, tt.keys, tt.takes...)
			s.Ledger.Rotation = tt.rotation
			if tt.more != nil {
				tt.more(&s)
			}
			if got := done(s, tt.of+"-password:now"); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// The ledger never has a hash of a password: one that a person chose could be found by it.
func TestNoHashOfAPasswordIsKept(t *testing.T) {
	s := taking("admin", plan.Keys{Current: "a"}, "", "", "")
	d := plan.Next(admitting{}, s)
	if want := (plan.Rotation{Request: "admin-password:now", Credential: "admin"}); d.Ledger.Rotation == nil || *d.Ledger.Rotation != want {
		t.Fatalf("the ledger has %+v, want %+v", d.Ledger.Rotation, want)
	}
	s = taking("admin", plan.Keys{Current: "a", Next: "b"}, "b", "", "")
	s.Ledger.Rotation = d.Ledger.Rotation
	d = plan.Next(admitting{}, s)
	if want := (plan.Rotation{Request: "admin-password:now", Credential: "admin", Promoted: true}); *d.Ledger.Rotation != want {
		t.Errorf("the ledger has %+v, want %+v", d.Ledger.Rotation, want)
	}
}

// A request for what cannot be rotated is answered with all that can.
func TestWhatCanBeRotatedIsTold(t *testing.T) {
	s := taking("agent", plan.Keys{Current: "a"}, "a", "a", "a")
	s.Wanted.Rotate.Name = "root-password"
	d := plan.Next(admitting{}, s)
	if d.Stalled == nil || d.Stalled.Reason != v1alpha1.ReasonRotationRefused || !strings.Contains(d.Stalled.Message, "gossip-key:WORD or agent-password:WORD or admin-password:WORD") {
		t.Errorf("stalled: %+v", d.Stalled)
	}
}

// Who waits to join is not let in before its agent has the passwords that the Secret has.
func TestAJoinerHasThePasswords(t *testing.T) {
	s := taking("agent", plan.Keys{Current: "a", Next: "b"}, "a", "a", "")
	s.Wanted.Rotate = v1alpha1.Rotation{}
	s.Ledger.Rotation = &plan.Rotation{Credential: "agent"}
	delete(s.Ledger.Members, "db-2")
	s.Members[0].Report.Server.View.Peers = s.Members[0].Report.Server.View.Peers[:2]
	s.Members[2].Report = &engine.Report{Member: "db-2", PodUID: "p2", Volume: engine.VolumeEmpty, Mounts: map[string]string{"member/gossip": "k", "member/agent": "a"}}
	granted := func() bool {
		return slices.ContainsFunc(plan.Next(admitting{}, s).Asks, func(a plan.Ask) bool { return a.Grant != nil })
	}
	if granted() {
		t.Error("it has the present password alone, and is let join")
	}
	s.Members[2].Report.Mounts["member/agent-next"] = "b"
	if !granted() {
		t.Error("it has both, and is not let join")
	}
}

// turning is an engine whose server turns the operator's administrator down.
type turning struct {
	admitting
	blocked, refused string
}

func (e turning) KeyStep(c engine.KeyChange, have engine.Observation) (engine.Step, bool) {
	s, known := e.admitting.KeyStep(c, have)
	s.Blocked, s.Refused = e.blocked, e.refused
	return s, known
}

// What else is to be done comes before a password, and one that the servers do not take
// holds nothing up: neither what comes after it, nor evictions.
func TestAPasswordHoldsNothingUp(t *testing.T) {
	two := plan.Keys{Current: "a", Next: "b"}
	s := taking("admin", two, "", "", "")
	s.Wanted.Template = "t2"
	if d := plan.Next(admitting{}, s); told(d) != "nothing" || !d.Shape.WriteTemplate {
		t.Errorf("a rollout waits for it: %s, %+v", told(d), d.Plan)
	}
	s = taking("admin", two, "", "", "")
	s.Wanted.Files = map[string]string{"a": "b"}
	s.Members[0].Report.Server.Settings = "old"
	if d := plan.Next(admitting{}, s); told(d) != "Use admin-next" {
		t.Errorf("%s, %+v", told(d), d.Plan)
	}
	s.Members[0].Report.Action = &engine.ActionState{Kind: engine.StepRotateKey, Done: true, Error: "no"}
	if d := plan.Next(admitting{}, s); len(d.Asks) != 1 || d.Asks[0].Kind() != engine.StepReload {
		t.Errorf("settings wait for what is tried in vain: %+v", d.Asks)
	}
	s = taking("admin", two, "", "", "")
	d := plan.Next(turning{blocked: "no", refused: "mend it"}, s)
	if len(d.Asks) > 0 || d.Budget == nil || d.Budget.Max != 1 || d.Plan.BlockedBy != plan.GuardEngine {
		t.Errorf("asks %+v, budget %+v, %+v", d.Asks, d.Budget, d.Plan)
	}
	for what, e := range map[string]turning{"that is not tried": {blocked: "no", refused: "mend it"}, "that is tried": {refused: "mend it"}} {
		if d := plan.Next(e, s); d.Stalled == nil || d.Stalled.Reason != v1alpha1.ReasonRotationRefused || d.Stalled.Message != "mend it" {
			t.Errorf("%s: stalled %+v", what, d.Stalled)
		}
	}
	if got := told(plan.Next(turning{refused: "mend it"}, s)); got != "Use admin-next" {
		t.Errorf("it is not tried again: %s", got)
	}
	s = taking("admin", plan.Keys{Current: "a"}, "", "", "")
	if d := plan.Next(turning{blocked: "no", refused: "mend it"}, s); d.WriteKey != "" || d.Ledger.Rotation != nil || d.Stalled == nil {
		t.Errorf("one is begun that cannot be used: %+v", d)
	}
}

// A request that was carried out is not again when another one, of another name, was
// carried out since, and ledgers from when there was one for all of them are read.
func TestEachRequestIsCarriedOutOnce(t *testing.T) {
	var l plan.Ledger
	if err := json.Unmarshal([]byte(`{"clusterID":"c","rotated":"gossip-key:then"}`), &l); err != nil {
		t.Fatal(err)
	}
	s := taking("agent", plan.Keys{Current: "b"}, "b", "b", "b")
	s.Ledger.Rotated, s.Ledger.Rotation = l.Rotated, &plan.Rotation{Request: "agent-password:now", Credential: "agent", Promoted: true}
	s.Ledger = plan.Next(admitting{}, s).Ledger
	if s.Ledger.Rotation != nil || s.Ledger.Rotated != "agent-password:now" {
		t.Fatalf("it is not over: %+v", s.Ledger)
	}
	for request, want := range map[v1alpha1.Rotation]string{
		{Name: "gossip-key", Word: "then"}:     "nothing",
		{Name: "agent-password", Word: "now"}:  "nothing",
		{Name: "gossip-key", Word: "now"}:      "write Introduce",
		{Name: "agent-password", Word: "then"}: "write Introduce",
		{Name: "admin-password", Word: "then"}: "write Introduce",
	} {
		s.Wanted.Rotate = request
		if got := told(plan.Next(admitting{}, s)); got != want {
			t.Errorf("%s: %s, want %s", request, got, want)
		}
	}
	text, err := json.Marshal(s.Ledger)
	var again plan.Ledger
	if err := errors.Join(err, json.Unmarshal(text, &again)); err != nil || !again.Equal(s.Ledger) || !again.Equal(again.Clone()) {
		t.Errorf("%v: %s is read as %+v", err, text, again)
	}
	if again.RotatedElse = nil; again.Equal(s.Ledger) {
		t.Error("it is not written that an older one was carried out")
	}
	s.Ledger.Rotation = &plan.Rotation{Request: "gossip-key:now", From: "j"}
	s.Wanted.Rotate = v1alpha1.Rotation{}
	if l := plan.Next(admitting{}, s).Ledger; l.Rotated != "gossip-key:now" || !maps.Equal(l.RotatedElse, map[string]string{"agent-password": "agent-password:now"}) {
		t.Errorf("the ledger has %q and %v", l.Rotated, l.RotatedElse)
	}
}

// A Secret from before a rotation is told of, whether the agents go on with what they
// have in memory or are kept out, and nothing is made of it; but not while it is no
// wonder.
func TestAPasswordFromBeforeARotation(t *testing.T) {
	for what, tt := range map[string]struct {
		change  func(*plan.State)
		stalled bool
	}{
		"the servers take it": {func(s *plan.State) {
			for i := range s.Members {
				s.Members[i].Report.Server.Logins["agent"] = "a"
			}
		}, false},
		"another one is good":      {func(*plan.State) {}, true},
		"one agent is kept out":    {func(s *plan.State) { s.Members[1].Report.Server.Logins, s.Members[1].Report.Server.KeptOut = nil, true }, true},
		"it is not mounted yet":    {func(s *plan.State) { s.Passwords["agent"] = plan.Keys{Current: "z"} }, false},
		"the set was never usable": {func(s *plan.State) { s.Ledger.Bootstrapped = false; s.Members[0].Report.Server.Facts["acl"] = "" }, false},
		"they are on their way in": {func(s *plan.State) { unjoin(s) }, false},
		"it was not read":          {func(s *plan.State) { s.Passwords = nil }, false},
	} {
		t.Run(what, func(t *testing.T) {
			s := taking("agent", plan.Keys{Current: "a"}, "b", "b", "b")
			s.Ledger.Bootstrapped = true
			s.Wanted.Rotate = v1alpha1.Rotation{}
			tt.change(&s)
			d := plan.Next(admitting{}, s)
			if stalled := d.Stalled != nil && d.Stalled.Reason == v1alpha1.ReasonCredentialsLost; stalled != tt.stalled {
				t.Errorf("stalled %+v", d.Stalled)
			}
		})
	}
	s := taking("agent", plan.Keys{Current: "a"}, "b", "b", "b")
	if got := told(plan.Next(admitting{}, s)); got != "blocked "+plan.GuardKeysKnown {
		t.Errorf("a rotation is begun: %s", got)
	}
}

// unjoin has the ledger say that no member has its vote yet.
func unjoin(s *plan.State) {
	for name, e := range s.Ledger.Members {
		e.Joined = false
		s.Ledger.Members[name] = e
	}
	s.Members[0].Report.Server.View = nil
}

// A pod that is made anew in the middle has the present agent, and one whose agent is
// older all the same, and kept out as that of the leader, gets it though nobody says who
// is a member.
func TestAnOlderAgentAndAPassword(t *testing.T) {
	agents := func(s *plan.State, image string) {
		s.Wanted.Agent, s.Set.Agent = "new", "new"
		for i := range s.Members {
			s.Members[i].Pod.Agent, s.Members[i].Pod.AgentSettled = "new", true
		}
		s.Members[0].Pod.Agent = image
	}
	s := taking("agent", plan.Keys{Current: "a"}, "a", "a", "a")
	agents(&s, "new")
	s.Set.Agent = "old"
	if d := plan.Next(admitting{}, s); d.WriteKey != "" || d.Ledger.Rotation != nil || !d.Shape.WriteTemplate {
		t.Errorf("with an older template %s, %+v", told(d), d.Shape)
	}
	s.Wanted.Refused = &plan.Finding{Reason: v1alpha1.ReasonUpgradeRefused, Message: "no"}
	if d := plan.Next(admitting{}, s); told(d) != "blocked "+plan.GuardKeysKnown || d.Shape.WriteTemplate {
		t.Errorf("with a template that is held back %s, %+v", told(d), d.Shape)
	}
	s.Set.Agent = "new"
	if got := told(plan.Next(admitting{}, s)); got != "write Introduce" {
		t.Errorf("with the present template %s", got)
	}

	s = taking("agent", plan.Keys{Current: "a", Next: "b"}, "", "b", "b")
	s.Ledger.Rotation = &plan.Rotation{Request: "agent-password:now", Credential: "agent"}
	agents(&s, "old")
	s.Members[0].Report.Server.View = nil
	if d := plan.Next(admitting{}, s); len(d.UpgradeAgents) != 1 || d.UpgradeAgents[0].Name != "db-0" {
		t.Errorf("the leader's agent stays kept out: %+v", d.UpgradeAgents)
	}
	agents(&s, "new")
	if d := plan.Next(admitting{}, s); len(d.UpgradeAgents) > 0 {
		t.Errorf("an agent of the present version is changed: %+v", d.UpgradeAgents)
	}
	agents(&s, "old")
	s.Ledger.Rotation, s.Passwords["agent"] = nil, plan.Keys{Current: "b"}
	s.Ledger.Rotated = "agent-password:now"
	if d := plan.Next(admitting{}, s); len(d.UpgradeAgents) > 0 {
		t.Errorf("an agent is changed though nothing is rotated: %+v", d.UpgradeAgents)
	}
}
