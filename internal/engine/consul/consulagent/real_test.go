// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build realconsul

package consulagent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

func TestRealForm(t *testing.T) {
	c := newCluster(t)
	c.form(3)
	for i, s := range c.members {
		if err := s.local.Release(s.marker); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(s.dir, "config", consul.FormFile)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the word to form is still with db-%d: %v", i, err)
		}
		names := []string{}
		entries, _ := os.ReadDir(filepath.Join(s.dir, "data"))
		for _, e := range entries {
			names = append(names, e.Name())
			if !(consul.Renderer{}).HoldsData([]string{e.Name()}) {
				t.Errorf("a server writes %s, which does not count as its data", e.Name())
			}
		}
		t.Log(names)
	}
	t.Run("the report does not change by itself", func(t *testing.T) {
		want := c.observation()
		changes := 0
		for range 50 {
			time.Sleep(100 * time.Millisecond) // the passing of time is what is tested
			if got := c.observation(); fmt.Sprint(dump(got)) != fmt.Sprint(dump(want)) {
				changes++
				t.Logf("was %s\nis  %s", dump(want), dump(got))
				want = got
			}
		}
		if changes > 0 {
			t.Errorf("%d changes in 5 s at rest", changes)
		}
	})
	t.Run("the agents' token can do no more than it must", func(t *testing.T) {
		client := c.leader().client(testAgent)
		if _, err := client.KV().Put(&api.KVPair{Key: "a", Value: []byte("b")}, nil); err == nil {
			t.Error("it can write a key")
		}
		if _, _, err := client.ACL().TokenList(nil); err == nil {
			t.Error("it can list tokens")
		}
		if nodes, _, err := client.Catalog().Nodes(nil); err != nil || len(nodes) != 3 {
			t.Errorf("it sees %d nodes, want its 3: %v", len(nodes), err)
		}
	})
	t.Run("nobody reads without a token", func(t *testing.T) {
		if _, _, err := c.leader().client("").KV().Get("a", nil); err == nil {
			t.Error("a key can be read")
		}
	})
}

func dump(have engine.Observation) string {
	var b strings.Builder
	for _, m := range have.Members {
		s := m.Report.Server
		fmt.Fprintf(&b, "%s %v %v %s %s %d %v", m.Name, s.Running, s.Serving, s.ID, s.Role, s.Term, s.Facts)
		if s.View != nil {
			fmt.Fprintf(&b, "%+v", *s.View)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestRealOneToThreeToOne(t *testing.T) {
	c := newCluster(t)
	c.form(1)
	id := c.leader().observe().ID
	c.members[0].signal(syscall.SIGTERM)
	c.members[0].start()
	c.awaitVoters(1, time.Minute)
	for n := 2; n <= 3; n++ {
		c.prepare(n-1).grant(engine.GrantJoin, 0)
		c.settle(desired(n, nil), time.Minute)
		c.awaitVoters(n, time.Minute)
	}
	c.settle(desired(1, nil), 2*time.Minute)
	c.awaitVoters(1, time.Minute)
	if got := c.leader().observe().ID; got != id {
		t.Errorf("the member left is %s, want %s", got, id)
	}
}

func TestRealThreeToFiveToThree(t *testing.T) {
	c := newCluster(t)
	c.form(3)
	for n := 4; n <= 5; n++ {
		c.prepare(n-1).grant(engine.GrantJoin, 0)
		c.settle(desired(n, nil), time.Minute)
		c.awaitVoters(n, time.Minute)
	}
	// The hard case is that the member to leave first leads.
	c.handOver("db-4 leads", "db-4", func(leader string) bool { return leader == "db-4" })
	c.settle(desired(3, nil), 3*time.Minute)
	c.awaitVoters(3, time.Minute)
	for i := 3; i <= 4; i++ {
		s := c.members[i]
		select {
		case <-s.exited:
		case <-time.After(30 * time.Second):
			t.Errorf("%s did not stop after it left", s.name)
		}
	}
	// What left can join again once its volume was cleared.
	s := c.members[3]
	if err := (consul.Renderer{}).Retire(filepath.Join(s.dir, "data")); err != nil {
		t.Fatal(err)
	}
	s.grant(engine.GrantJoin, 0)
	c.settle(desired(4, nil), time.Minute)
	c.awaitVoters(4, time.Minute)
}

func TestRealBootstrapGoesOn(t *testing.T) {
	step := engine.Step{Kind: engine.StepBootstrap, Credentials: map[string]string{
		consul.CredentialManagement: testManagement, consul.CredentialAgent: testAgent,
	}}
	bootstrapped := func(t *testing.T, s *server, token string) *api.Client {
		t.Helper()
		s.c.await("a leader", time.Minute, func() bool { return s.c.assess().Leader != "" })
		client := s.client(token)
		s.c.await("a bootstrap by hand", time.Minute, func() bool {
			_, _, err := client.ACL().BootstrapWithToken(token)
			return err == nil
		})
		return client
	}
	for name, crash := range map[string]func(*testing.T, *server){
		"after the bootstrap": func(t *testing.T, s *server) { bootstrapped(t, s, testManagement) },
		"after the policy": func(t *testing.T, s *server) {
			client := bootstrapped(t, s, testManagement)
			if _, err := wire.EnsurePolicy(t.Context(), client, "operator = \"read\""); err != nil {
				t.Fatal(err)
			}
		},
		"after the token": func(t *testing.T, s *server) {
			client := bootstrapped(t, s, testManagement)
			policy, err := wire.EnsurePolicy(t.Context(), client, consul.AgentRules(s.name))
			if err != nil {
				t.Fatal(err)
			}
			if err := wire.EnsureAgentToken(t.Context(), client, testAgent, policy); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			s := c.prepare(0).grant(engine.GrantForm, 1)
			crash(t, s)
			for range 2 {
				if err := s.local.Do(t.Context(), step); err != nil {
					t.Fatal(err)
				}
			}
			c.settle(desired(1, nil), time.Minute)
			c.awaitVoters(1, time.Minute)
		})
	}
	t.Run("with another token", func(t *testing.T) {
		c := newCluster(t)
		s := c.prepare(0).grant(engine.GrantForm, 1)
		bootstrapped(t, s, "2f3a9e0e-4d5b-4f7c-9a52-6f4c0d0f3bff")
		if err := s.local.Do(t.Context(), step); !errors.Is(err, wire.ErrForeignToken) {
			t.Errorf("got %v, want %v", err, wire.ErrForeignToken)
		}
	})
}

func TestRealKilledLeader(t *testing.T) {
	c := newCluster(t)
	c.form(3)
	old := c.leader()
	id, term := old.observe().ID, old.observe().Term
	old.kill()
	var a engine.Assessment
	c.await("another leader after a kill", time.Minute, func() bool {
		a = c.assess()
		return a.Known && a.Leader != old.name
	})
	if a.Term <= term || a.Tolerance != 0 {
		t.Errorf("term %d after %d, tolerance %d", a.Term, term, a.Tolerance)
	}
	if got := a.PeersNamed(old.name); len(got) != 1 || got[0].ID != id || got[0].Healthy {
		t.Errorf("the killed member is %+v", got)
	}
	if steps := (consul.Engine{}).Plan(desired(3, nil), c.observation()); len(steps) != 0 {
		t.Errorf("a silent member gives the plan %+v", steps)
	}
	old.start()
	c.awaitVoters(3, time.Minute)
	if got := old.observe().ID; got != id {
		t.Errorf("it came back as %s, want %s", got, id)
	}
}

func TestRealPausedLeader(t *testing.T) {
	c := newCluster(t)
	c.form(3)
	old := c.leader()
	if err := old.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	others := func() engine.Assessment {
		have := engine.Observation{}
		for i, s := range c.members {
			if s != old {
				have.Members = append(have.Members, engine.MemberObservation{Name: s.name, Ordinal: i,
					Report: &engine.Report{Server: s.observe()}})
			}
		}
		return consul.Engine{}.Assess(have)
	}
	c.await("another leader while the old is paused", time.Minute, func() bool { a := others(); return a.Known && a.Leader != old.name })
	term := others().Term
	if err := old.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	// From its first breath on, the old leader confirms nothing that is not so.
	for range 100 {
		if s := old.observe(); s.View != nil && s.Term < term {
			t.Fatalf("the old leader gives a view of term %d after term %d", s.Term, term)
		}
		if a := c.assess(); a.Known && a.Term < term {
			t.Fatalf("the old term %d is believed", a.Term)
		}
	}
	c.awaitVoters(3, time.Minute)
}

func TestRealDrain(t *testing.T) {
	c := newCluster(t)
	c.form(3)
	old := c.leader()
	follower := c.members[(engine.OrdinalOf(old.name)+1)%3]
	if err := follower.local.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := c.leader(); got != old {
		t.Fatalf("draining a follower moved the leadership to %s", got.name)
	}
	start := time.Now()
	if err := old.local.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%-45s %6.2f s", "drain of a leader", time.Since(start).Seconds())
	if got := c.assess(); got.Leader == old.name {
		t.Error("it still leads")
	}
	start = time.Now()
	old.signal(syscall.SIGTERM)
	t.Logf("%-45s %6.2f s", "stop of a drained member", time.Since(start).Seconds())
	if len(c.known().Peers) != 3 {
		t.Error("a stop changed the membership")
	}
	old.start()
	c.awaitVoters(3, time.Minute)
	t.Run("alone", func(t *testing.T) {
		c := newCluster(t)
		c.form(1)
		if err := c.leader().local.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestRealDrainForsaken takes the others away as nodes do, without a word: the
// leader has nobody to hand over to, and is not to wait for anybody.
func TestRealDrainForsaken(t *testing.T) {
	c := newCluster(t)
	c.form(3)
	leader := c.leader()
	for _, s := range c.members {
		if s != leader {
			if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.cmd.Process.Signal(syscall.SIGCONT) })
		}
	}
	start := time.Now()
	err := leader.local.Drain(t.Context())
	took := time.Since(start)
	t.Logf("%-45s %6.2f s", "drain of a leader that is left alone", took.Seconds())
	if err == nil {
		t.Error("it is said to have handed over")
	}
	if took > drainTimeout-time.Second {
		t.Errorf("it took %s to find out that nobody is left", took)
	}
}

func TestRealLostVolume(t *testing.T) {
	for name, evictFirst := range map[string]bool{"evicted, then joined": true, "joined at once": false} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.form(3)
			lost := c.leader()
			id := lost.observe().ID
			i := engine.OrdinalOf(lost.name)
			lost.kill()
			want := desired(3, map[string][]string{lost.name: {id}})
			delete(c.members, i)
			c.await("another leader", time.Minute, func() bool { return c.assess().Known })
			if evictFirst {
				c.settle(want, time.Minute)
				if got := c.known(); len(got.Peers) != 2 {
					t.Fatalf("after the eviction there are %+v", got.Peers)
				}
			}
			c.prepare(i).grant(engine.GrantJoin, 0)
			c.settle(want, time.Minute)
			c.awaitVoters(3, time.Minute)
			if got := c.members[i].observe().ID; got == id {
				t.Error("it came back with the lost identity")
			}
			nodes, _, err := c.leader().client(testManagement).Catalog().Nodes(nil)
			if err != nil || len(nodes) != 3 {
				t.Errorf("the catalog has %d nodes: %v", len(nodes), err)
			}
		})
	}
}

func TestRealEvictRefusesTheLiving(t *testing.T) {
	c := newCluster(t)
	c.form(3)
	leader := c.leader()
	other := c.members[(engine.OrdinalOf(leader.name)+1)%3]
	for what, id := range map[string]string{"a living member": other.observe().ID, "itself": leader.observe().ID, "nobody": ""} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err := leader.local.Do(ctx, engine.Step{Kind: engine.StepEvictDead, Member: leader.name, Subject: other.name, SubjectID: id})
		cancel()
		if err == nil {
			t.Errorf("it evicted %s", what)
		}
	}
	err := leader.local.Do(t.Context(), engine.Step{Kind: engine.StepEvictDead, Member: leader.name, Subject: other.name,
		SubjectID: "2f3a9e0e-4d5b-4f7c-9a52-000000000000"})
	if err != nil {
		t.Errorf("evicting who is gone already: %v", err)
	}
	if len(c.known().Peers) != 3 {
		t.Error("the membership changed")
	}
	for what, step := range map[string]engine.Step{
		"an older term":      {Kind: engine.StepConfigure, Member: leader.name, Term: 1, Params: map[string]string{consul.ParamQuorum: "1"}},
		"a leave that leads": {Kind: engine.StepLeave, Member: leader.name, SubjectID: leader.observe().ID},
		"a leave of another": {Kind: engine.StepLeave, Member: other.name, SubjectID: leader.observe().ID},
	} {
		if err := c.members[engine.OrdinalOf(step.Member)].local.Do(t.Context(), step); !errors.Is(err, wire.ErrStale) {
			t.Errorf("%s: got %v, want %v", what, err, wire.ErrStale)
		}
	}
}

func TestRealLeaveCutOff(t *testing.T) {
	c := newCluster(t)
	c.form(4)
	c.handOver("another than db-3 leads", "db-0", func(leader string) bool { return leader != "db-3" })
	// The mark is on the volume, and the server dies before it can leave. It is
	// never started again, so its identity is lost.
	s := c.members[3]
	id := s.observe().ID
	s.volume = engine.VolumeLeaving
	s.kill()
	c.settle(desired(3, map[string][]string{"db-3": {id}}), time.Minute)
	c.awaitVoters(3, time.Minute)
	if got := c.known().PeersNamed("db-3"); len(got) != 0 {
		t.Errorf("%s is still there: %+v", id, got)
	}
}

func TestRealAllStopped(t *testing.T) {
	c := newCluster(t)
	c.form(3)
	if _, err := c.leader().client(testManagement).KV().Put(&api.KVPair{Key: "k", Value: []byte("v")}, nil); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, s := range c.members {
		ids[s.name] = s.observe().ID
	}
	for _, s := range c.members {
		s.kill()
	}
	if a := c.assess(); a.Known || a.Formed {
		t.Errorf("of stopped servers is said %+v", a)
	}
	for _, s := range c.members {
		s.start()
	}
	c.awaitVoters(3, time.Minute)
	for _, s := range c.members {
		if got := s.observe().ID; got != ids[s.name] {
			t.Errorf("%s came back as %s", s.name, got)
		}
	}
	pair, _, err := c.leader().client(testManagement).KV().Get("k", &api.QueryOptions{RequireConsistent: true})
	if err != nil || pair == nil || string(pair.Value) != "v" {
		t.Errorf("the key is %+v: %v", pair, err)
	}
}

func TestRealJoinNeverForms(t *testing.T) {
	c := newCluster(t)
	for i := range 3 {
		c.prepare(i).grant(engine.GrantJoin, 0)
	}
	deadline := time.Now().Add(15 * time.Second)
	for time.Now().Before(deadline) {
		if a := c.assess(); a.Formed || a.Leader != "" {
			t.Fatalf("members that may only join formed a set: %+v", a)
		}
		time.Sleep(200 * time.Millisecond) // that nothing happens is what is tested
	}
	for _, m := range c.observation().Members {
		if !m.Report.Server.Running || m.Report.Server.Serving {
			t.Errorf("%s: %+v", m.Name, m.Report.Server)
		}
	}
}
