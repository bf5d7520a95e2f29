// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// TestLifeOfASet goes from empty volumes to three members, to two and back, and
// through the loss of one with its volume, by what Plan says and Do does.
func TestLifeOfASet(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	done := c.settle(3)
	want := []string{"Bootstrap db-0", "Bootstrap db-0", "Join db-1", "Promote db-1", "Join db-2", "Promote db-2"}
	slices.Sort(done)
	slices.Sort(want)
	if diff := cmp.Diff(want, done); diff != "" {
		t.Errorf("the formation took other steps:\n%s", diff)
	}
	before := c.observe()
	if diff := cmp.Diff(before, c.observe()); diff != "" {
		t.Errorf("what is at rest is described in two ways:\n%s", diff)
	}
	a := mongodb.Engine{}.Assess(before)
	if a.Tolerance != 1 || !a.Usable || a.Leader != "db-0" {
		t.Errorf("assessed as %+v", a)
	}

	// The primary leaves last of those that go, after it has stepped down.
	done = c.settle(2, func(d *engine.Desired) { d.Members = []string{"db-1", "db-2"} })
	if diff := cmp.Diff([]string{"StepDown db-0", "Demote db-0", "Leave db-0"}, done); diff != "" {
		t.Errorf("leaving took %s:\n%s", kinds(done), diff)
	}
	c.eventually(func() string {
		s, err := c.servers[0].Observe(t.Context())
		if err != nil || !s.Running || !s.Formed || s.ID != "" || s.Serving || s.Leader {
			return "who was taken out is nobody, and knows of the set: " + s.Role
		}
		return ""
	})
	c.must(c.do(engine.Step{Kind: engine.StepLeave, Member: "db-0"}))
	c.eventually(func() string {
		if s, _ := c.servers[0].Observe(t.Context()); s.Running {
			return "the server that left still runs"
		}
		return ""
	})
}

// TestBootstrapGoesOnAfterACrash repeats each part of the formation from where
// an earlier try may have been cut off.
func TestBootstrapGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	p := c.servers[0]
	c.eventually(func() string {
		if s, err := p.Observe(t.Context()); err != nil || !s.Running || s.Formed || s.Facts[mongodb.FactUsers] != mongodb.UsersPending {
			return "the server is not up and empty"
		}
		return ""
	})
	initiate := engine.Step{Kind: engine.StepBootstrap, Member: "db-0", Params: map[string]string{mongodb.ParamPhase: mongodb.PhaseInitiate}}
	users := engine.Step{Kind: engine.StepBootstrap, Member: "db-0", Params: map[string]string{mongodb.ParamPhase: mongodb.PhaseUsers}, Secrets: []string{mongodb.CredentialAdmin, mongodb.CredentialAgent}}
	c.must(c.do(initiate))
	c.must(c.do(initiate))
	nobody, err := p.session(t.Context(), wire.Login{})
	c.must(err)
	c.must(awaitWritable(t.Context(), nobody))

	// The administrator was made, and then the agent ended.
	c.must(nobody.Run(t.Context(), nil, createUser("createUser", mongodb.UserAdmin, adminPassword, mongodb.Role{Role: "root", DB: mongodb.AdminDatabase})))
	if s, err := p.Observe(t.Context()); err != nil || s.Facts[mongodb.FactUsers] != mongodb.UsersPending || !s.Leader || !s.Formed {
		t.Errorf("between the two users: %+v, %v", s, err)
	}
	c.must(c.do(initiate))
	c.must(c.do(users))
	c.must(c.do(users))
	c.settle(1)
	first := c.observe().Members[0].Report.Server
	if len(first.Set) != 24 || first.Facts[mongodb.FactFeatures] != "8.0" || first.Version == "" || first.Role != "primary" || first.ID != "0" {
		t.Errorf("the set is %+v", first)
	}

	// Somebody gave the agents' user another password: it is given back.
	c.must(p.asAdmin(nil, createUser("updateUser", mongodb.UserAgent, "other", agentRoles()...)))
	again := newLocal(p.local.config, p.address)
	defer again.closeAll()
	if s, err := again.Observe(t.Context()); err != nil || s.Facts[mongodb.FactUsers] != mongodb.UsersPending {
		t.Errorf("with another password: %+v, %v", s, err)
	}
	c.must(c.do(users))
	if s, err := again.Observe(t.Context()); err != nil || s.Facts[mongodb.FactUsers] != mongodb.UsersReady || s.Set != first.Set {
		t.Errorf("with the password again: %+v, %v", s, err)
	}

	// The administrator has a password that nobody here knows.
	foreign := users
	foreign.Credentials = map[string]string{mongodb.CredentialAdmin: "unknown", mongodb.CredentialAgent: agentPassword}
	if err := p.Do(t.Context(), foreign); !errors.Is(err, errForeignUsers) || strings.Contains(err.Error(), "unknown") {
		t.Errorf("got %v", err)
	}
}

// TestOnlyAGrantedServerInitiates has servers told to form a set that were not
// let, or that have been part of one.
func TestOnlyAGrantedServerInitiates(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	for i, m := range []engine.Marker{
		{Grant: engine.Grant{Kind: engine.GrantJoin}},
		{Grant: engine.Grant{Kind: engine.GrantForm}, Formed: true},
		{Grant: engine.Grant{Kind: engine.GrantForm}, Leaving: true},
		{},
	} {
		c.must(c.servers[1].Release(m))
		err := c.do(engine.Step{Kind: engine.StepBootstrap, Member: "db-1", Params: map[string]string{mongodb.ParamPhase: mongodb.PhaseInitiate}})
		if err == nil {
			t.Errorf("marker %d let it initiate", i)
		}
	}
	if err := c.do(engine.Step{Kind: engine.StepBootstrap, Member: "db-1", Params: map[string]string{mongodb.ParamPhase: "other"}}); err == nil {
		t.Error("an unknown phase was carried out")
	}
	if s, err := c.servers[1].Observe(t.Context()); err != nil || s.Formed {
		t.Errorf("%+v, %v", s, err)
	}

	// One that was let start and that nobody added is stopped by the key file: it
	// has no users.
	c.must(c.do(engine.Step{Kind: engine.StepLeave, Member: "db-1"}))
	c.eventually(func() string {
		if s, _ := c.servers[1].Observe(t.Context()); s.Running {
			return "it still runs"
		}
		return ""
	})
	c.must(c.do(engine.Step{Kind: engine.StepLeave, Member: "db-1"}))
}

// TestStepsThatAreRefused has the primary asked for what must not be done now.
func TestStepsThatAreRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	c.settle(1, func(d *engine.Desired) { d.Members = d.Members[:1] })
	if err := c.do(engine.Step{Kind: engine.StepStepDown, Member: "db-0"}); wire.CodeOf(err) != wire.CodeExceededTimeLimit {
		t.Errorf("with nobody to take over: %v", err)
	}
	if err := c.servers[0].Drain(t.Context()); wire.CodeOf(err) != wire.CodeExceededTimeLimit {
		t.Errorf("with nobody to take over, at the end: %v", err)
	}
	if s := c.observe().Members[0].Report.Server; !s.Leader {
		t.Error("a step-down was forced")
	}
	c.settle(2)
	a := mongodb.Engine{}.Assess(c.observe())
	other := a.PeersNamed("db-1")[0].ID
	for name, s := range map[string]engine.Step{
		"planned on an earlier configuration": {Kind: engine.StepDemote, Member: "db-0", Subject: "db-1", SubjectID: other, Term: a.Term - 1},
		"planned in a later term":             {Kind: engine.StepDemote, Member: "db-0", Subject: "db-1", SubjectID: other, Term: a.Term + 1<<32},
		"asked of a secondary":                {Kind: engine.StepDemote, Member: "db-1", Subject: "db-1", SubjectID: other, Term: a.Term},
		"about the primary itself":            {Kind: engine.StepDemote, Member: "db-0", Subject: "db-0", SubjectID: "0", Term: a.Term},
		"under another name":                  {Kind: engine.StepDemote, Member: "db-0", Subject: "db-2", SubjectID: other, Term: a.Term},
		"while it has a vote":                 {Kind: engine.StepLeave, Member: "db-0", Subject: "db-1", SubjectID: other, Term: a.Term},
		"of one that lives":                   {Kind: engine.StepEvictDead, Member: "db-0", Subject: "db-1", SubjectID: other, Term: a.Term},
		"of a member by itself":               {Kind: engine.StepLeave, Member: "db-1"},
		"step-down of another term":           {Kind: engine.StepStepDown, Member: "db-0", Term: a.Term + 1<<32},
	} {
		if err := c.do(s); !errors.Is(err, errStale) {
			t.Errorf("%s of %s: %v", s.Kind, name, err)
		}
	}
	if err := c.do(engine.Step{Kind: engine.StepJoin, Member: "db-0", Subject: "db-2", Params: map[string]string{mongodb.ParamHost: c.servers[1].host()}}); err == nil {
		t.Error("a host was added under another's name")
	}
	if err := c.do(engine.Step{Kind: engine.StepConfigure, Member: "db-0"}); err == nil {
		t.Error("an unknown step was carried out")
	}
	// What is already so is left so.
	for _, s := range []engine.Step{
		{Kind: engine.StepJoin, Member: "db-0", Subject: "db-1", Params: map[string]string{mongodb.ParamHost: c.servers[1].host()}, Term: a.Term},
		{Kind: engine.StepPromote, Member: "db-0", Subject: "db-1", SubjectID: other, Term: a.Term},
		{Kind: engine.StepEvictDead, Member: "db-0", Subject: "db-2", SubjectID: "99", Term: a.Term},
		{Kind: engine.StepStepDown, Member: "db-1", Term: a.Term},
	} {
		c.must(c.do(s))
	}
	if after := (mongodb.Engine{}).Assess(c.observe()); cmp.Diff(a, after) != "" {
		t.Errorf("something was changed:\n%s", cmp.Diff(a, after))
	}
}

// TestALostMemberIsReplaced kills a member and takes its volume away; and then so
// many that no majority is left.
func TestALostMemberIsReplaced(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.settle(3)
	lost := mongodb.Engine{}.Assess(c.observe()).PeersNamed("db-2")[0].ID
	c.servers[2].end()
	c.must(os.RemoveAll(c.servers[2].data))
	c.must(os.Mkdir(c.servers[2].data, 0o700))
	c.eventually(func() string {
		a := mongodb.Engine{}.Assess(c.observe())
		if _, healthy := a.Voters(); !a.Known || healthy != 2 || a.Tolerance != 0 {
			return fmt.Sprintf("one of three is gone: %+v", a)
		}
		return ""
	})
	c.settle(2, func(d *engine.Desired) { d.Members, d.Lost = d.Members[:2], map[string][]string{"db-2": {lost}} })
	c.servers[2].start()
	c.settle(3)
	if id := (mongodb.Engine{}).Assess(c.observe()).PeersNamed("db-2")[0].ID; id == lost {
		t.Errorf("the new member has the lost one's identity %s", id)
	}

	// A primary without a majority proves nothing, from the first moment on.
	first := c.primary()
	for _, p := range c.servers {
		if p != first {
			p.end()
		}
	}
	if s, err := first.Observe(t.Context()); err != nil || s.View != nil {
		t.Errorf("a primary without a majority answered for the membership: %+v, %v", s, err)
	}
	if a := (mongodb.Engine{}).Assess(c.observe()); a.Known || a.Serving || !a.Formed {
		t.Errorf("assessed as %+v", a)
	}
	begun := time.Now()
	if err := c.do(engine.Step{Kind: engine.StepJoin, Member: first.local.config.Member, Subject: "db-9", Params: map[string]string{mongodb.ParamHost: "db-9"}}); err == nil {
		t.Error("the configuration was changed without a majority")
	}
	if took := time.Since(begun); took > 2*reconfigTimeout+time.Second {
		t.Errorf("a change that cannot be had took %v", took)
	}
}

// TestDrain has the primary hand over before its end.
func TestDrain(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.settle(3)
	before := mongodb.Engine{}.Assess(c.observe())
	first := c.primary()
	c.must(first.Drain(t.Context()))
	c.must(first.Drain(t.Context()))
	if next := c.primary(); next == first {
		t.Error("the drained member leads")
	}
	c.eventually(func() string {
		after := mongodb.Engine{}.Assess(c.observe())
		if len(after.Peers) != len(before.Peers) || after.Tolerance != 1 {
			return fmt.Sprintf("the membership is %+v", after)
		}
		return ""
	})
	first.end()
	if s, err := first.Observe(t.Context()); err != nil || s.Running || s.Formed {
		t.Errorf("a server that has ended is %+v, %v", s, err)
	}
	c.must(first.Drain(t.Context()))
}

// TestUpgradeIsFinalized follows each server by one of the next release. The set
// has the features of the one before until the upgrade is finalized.
func TestUpgradeIsFinalized(t *testing.T) {
	t.Parallel()
	if mongodOld == "" {
		t.Skip("no mongod of 7.0: set " + mongodOldVariable)
	}
	c := newClusterOf(t, mongodOld, 2)
	c.settle(2)
	c.program = mongod
	burned := func(d *engine.Desired) { d.BurnedIn = true }
	for _, p := range c.servers {
		p.end()
		p.start()
		c.settle(2)
		s := p.see()
		if s.Facts[mongodb.FactFeatures] != "7.0" || !strings.HasPrefix(s.Version, "8.0") {
			t.Errorf("a server of the next release is %+v", s)
		}
		if err := (mongodb.Engine{}).Upgrade(s, "7.0"); err != nil {
			t.Errorf("the way back is shut: %v", err)
		}
	}
	if done := c.settle(2, burned); kinds(done) != "Finalize "+c.primary().local.config.Member {
		t.Errorf("done were %s", kinds(done))
	}
	for _, p := range c.servers {
		c.eventually(func() string {
			s, err := p.Observe(t.Context())
			if err != nil || s.Facts[mongodb.FactFeatures] != "8.0" {
				return fmt.Sprintf("the features are of %s: %v", s.Facts[mongodb.FactFeatures], err)
			}
			if err := (mongodb.Engine{}).Upgrade(s, "7.0"); err == nil {
				return "the way back is open"
			}
			return ""
		})
	}
	lead := c.primary()
	stalely := engine.Step{Kind: engine.StepFinalize, Member: lead.local.config.Member, Term: 1, Params: map[string]string{mongodb.ParamFeatures: "8.0"}}
	if err := c.do(stalely); !errors.Is(err, errStale) {
		t.Errorf("planned on an earlier configuration: %v", err)
	}
}

// TestCodesThatMeanToReadAgain keeps the list.
func TestCodesThatMeanToReadAgain(t *testing.T) {
	for code, want := range map[int32]bool{103: true, 109: true, 189: true, 308: true, 10107: true, 11602: true, 74: false, 13: false, 262: false} {
		if got := errors.Is(stale(fmt.Errorf("x: %w", mongo.CommandError{Code: code})), errStale); got != want {
			t.Errorf("%d: %v", code, got)
		}
	}
	for code, want := range map[int]bool{189: true, 11602: true, 64: false} {
		if got := errors.Is(stale(fmt.Errorf("x: %w", mongo.WriteException{WriteConcernError: &mongo.WriteConcernError{Code: code}})), errStale); got != want {
			t.Errorf("%d beside a write: %v", code, got)
		}
	}
	if stale(nil) != nil {
		t.Error("nothing was an error")
	}
}

// TestNumbersAreNotUsedAgainSoon takes out and adds members many times.
func TestNumbersAreNotUsedAgainSoon(t *testing.T) {
	config, last := wire.Configuration{Version: 1, Members: []wire.Member{{Number: 0}}}, map[int32]int64{}
	for range 2000 {
		n := config.FreeNumber()
		if n < 0 || n > 255 || slices.ContainsFunc(config.Members, func(m wire.Member) bool { return m.Number == n }) {
			t.Fatalf("number %d at version %d", n, config.Version)
		}
		if before, used := last[n]; used && config.Version-before < 90 {
			t.Fatalf("number %d of version %d is used again at version %d", n, before, config.Version)
		}
		last[n] = config.Version
		if config.Members = append(config.Members, wire.Member{Number: n}); len(config.Members) > 7 {
			config.Members = slices.Delete(config.Members, 1, 2)
		}
		config.Version++
	}
}
