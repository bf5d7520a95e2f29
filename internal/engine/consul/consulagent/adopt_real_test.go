// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build realconsul

package consulagent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

// tutorial starts n servers as the tutorial does, each at an address of its pod: no
// access control, no key of gossip, autopilot as Consul has it.
func (c *cluster) tutorial(n int) {
	c.t.Helper()
	var join string
	for i := range n {
		join += fmt.Sprintf("%q,", c.podIP(i))
	}
	for i := range n {
		s := &server{c: c, name: fmt.Sprintf("db-%d", i), ip: c.podIP(i), binary: c.binary, dir: filepath.Join(c.root, fmt.Sprintf("hand-%d", i))}
		for _, sub := range []string{"config", "data", "secret"} {
			if err := os.MkdirAll(filepath.Join(s.dir, sub), 0o755); err != nil {
				c.t.Fatal(err)
			}
		}
		s.local = newLocal(engine.LocalConfig{Member: s.name, ConfigDir: filepath.Join(s.dir, "config"), DataDir: filepath.Join(s.dir, "data"), SecretDir: filepath.Join(s.dir, "secret")}, "http://"+s.ip+":8500")
		s.write("config/consul.json", fmt.Sprintf(`{"datacenter":"kubernetes","server":true,"bootstrap_expect":%d,"retry_join":[%s],"domain":"cluster.local",
			"ui_config":{"enabled":true},"node_name":%q,"bind_addr":%q,"client_addr":%q,"data_dir":%q,"disable_update_check":true,"ports":{"grpc_tls":-1}}`,
			n, join[:len(join)-1], s.name, s.ip, s.ip, filepath.Join(s.dir, "data")))
		c.members[i] = s
		s.start()
	}
}

// podIP is the address of a pod that was made by hand.
func (c *cluster) podIP(i int) string { return c.ip(100 + i) }

// takeOver ends a server as the kubelet does, and starts ours on the same data and
// under a stable address.
func (s *server) takeOver() {
	s.c.t.Helper()
	s.signal(syscall.SIGTERM)
	if err := os.Remove(filepath.Join(s.dir, "config", "consul.json")); err != nil {
		s.c.t.Fatal(err)
	}
	s.write("secret/"+consul.CredentialGossip, testGossip) // both are mounted, and of no use
	s.write("secret/"+consul.CredentialAgent, testAgent)
	s.ip = s.c.ip(engine.OrdinalOf(s.name))
	s.local = newLocal(s.local.config, "http://"+s.ip+":8500")
	s.render(len(s.c.members))
	s.marker = engine.Marker{Member: s.name, Grant: engine.Grant{Kind: engine.GrantAdopt}, Formed: true}
	s.volume = engine.VolumeMember
	s.start()
}

// usher has those that were taken over make the way free, as the manager would.
func (c *cluster) usher(next string, taken []*server) {
	c.t.Helper()
	c.await("nothing is left to do before "+next, time.Minute, func() bool {
		var have []engine.MemberObservation
		for _, s := range taken {
			have = append(have, engine.MemberObservation{Name: s.name, Report: &engine.Report{Member: s.name, Server: s.observe()}})
		}
		step, ok := consul.Engine{}.Usher(next, have)
		if !ok {
			return true
		}
		start := time.Now()
		err := c.members[engine.OrdinalOf(step.Member)].local.Do(context.Background(), step)
		c.t.Logf("%-45s %6.2f s %v", fmt.Sprintf("%s by %s before %s", step.Kind, step.Member, next), time.Since(start).Seconds(), err)
		return false
	})
}

// kvWriter writes through whoever answers, and notes what was acknowledged.
type kvWriter struct {
	c      *cluster
	cancel context.CancelFunc
	ended  chan struct{}
	acked  []int
	gap    time.Duration
}

func (c *cluster) put() *kvWriter {
	ctx, cancel := context.WithCancel(context.Background())
	w := &kvWriter{c: c, cancel: cancel, ended: make(chan struct{})}
	var clients []*api.Client
	for i := range 3 {
		for _, ip := range []string{c.podIP(i), c.ip(i)} {
			clients = append(clients, (&server{c: c, ip: ip}).client(""))
		}
	}
	go func() {
		defer close(w.ended)
		last := time.Now()
		for n, at := 0, 0; ctx.Err() == nil; {
			n++ // one whose fate is not known is not written again
			try, done := context.WithTimeout(ctx, time.Second)
			_, err := clients[at].KV().Put(&api.KVPair{Key: fmt.Sprintf("acked/%06d", n), Value: []byte("v")}, (&api.WriteOptions{}).WithContext(try))
			done()
			if err != nil {
				at = (at + 1) % len(clients)
				time.Sleep(5 * time.Millisecond) // the pace of the writer, here and below
				continue
			}
			w.acked, w.gap = append(w.acked, n), max(w.gap, time.Since(last))
			last = time.Now()
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return w
}

// lost ends it and lists what was acknowledged and is not there.
func (w *kvWriter) lost(client *api.Client) (out []int) {
	w.c.t.Helper()
	w.cancel()
	<-w.ended
	keys, _, err := client.KV().Keys("acked/", "", &api.QueryOptions{RequireConsistent: true})
	if err != nil {
		w.c.t.Fatal(err)
	}
	there := map[string]bool{}
	for _, key := range keys {
		there[key] = true
	}
	for _, n := range w.acked {
		if !there[fmt.Sprintf("acked/%06d", n)] {
			out = append(out, n)
		}
	}
	w.c.t.Logf("%d writes acknowledged, %d of them lost, the longest pause %.2f s", len(w.acked), len(out), w.gap.Seconds())
	return out
}

// handmadeDatastore is one that adopts the set of the tutorial.
func handmadeDatastore() *v1alpha1.Datastore {
	d := datastore(`{"domain":"cluster.local"}`)
	d.Spec.Consul = &v1alpha1.ConsulSpec{Datacenter: "kubernetes"}
	d.Spec.Adopt = &v1alpha1.Adopt{ClaimTemplate: "data", Authentication: v1alpha1.AuthenticationNone}
	return d
}

// settledFor tells whether a member that was taken over finds all in order, as the
// next pod waits for.
func (s *server) settledFor(n int) bool {
	out := s.observe()
	if !out.Serving || out.Seen == nil || len(out.Seen.Peers) != n {
		return false
	}
	leads := false
	for _, p := range out.Seen.Peers {
		if !p.Healthy || !p.Voter {
			return false
		}
		leads = leads || p.Leader
	}
	return leads
}

// TestRealTakenOver has the servers of a set that was made by hand followed by ours on
// their data, one at a time and the leader last: under another address each keeps its
// identity and its vote, and no write is lost.
func TestRealTakenOver(t *testing.T) {
	c := newCluster(t)
	c.adopts = handmadeDatastore()
	c.tutorial(3)
	ids := map[string]string{}
	c.await("three voters, made by hand", time.Minute, func() bool {
		raft, err := c.members[0].client("").Operator().RaftGetConfiguration(nil)
		if err != nil || len(raft.Servers) != 3 {
			return false
		}
		for _, s := range raft.Servers {
			ids[s.Node] = s.ID
			if !s.Voter {
				return false
			}
		}
		return true
	})
	last := ""
	c.await("one of them leads", time.Minute, func() bool {
		raft, err := c.members[0].client("").Operator().RaftGetConfiguration(nil)
		if err != nil {
			return false // an election
		}
		for _, s := range raft.Servers {
			if s.Leader {
				last = s.Node
			}
		}
		return last != ""
	})
	w := c.put()
	var taken []*server
	next := func(s *server) {
		c.await("the others are well before "+s.name, time.Minute, func() bool {
			return !slices.ContainsFunc(taken, func(s *server) bool { return !s.settledFor(3) })
		})
		c.usher(s.name, taken)
		s.takeOver()
		c.await(s.name+" was taken over", 2*time.Minute, func() bool { return s.settledFor(3) })
		taken = append(taken, s)
	}
	for i := 2; i >= 0; i-- {
		if s := c.members[i]; s.name != last {
			next(s)
		}
	}
	lead := c.members[engine.OrdinalOf(last)]
	next(lead)
	if got := c.leader().name; got == last {
		t.Errorf("%q leads, which was to hand over to one that was taken over", got)
	}
	if autopilot, err := lead.client("").Operator().AutopilotGetConfiguration(nil); err != nil || autopilot.CleanupDeadServers {
		t.Errorf("autopilot is %+v: %v", autopilot, err)
	}
	c.settle(desired(3, nil), time.Minute)
	c.awaitVoters(3, time.Minute)
	for _, s := range c.members {
		var out engine.Server
		c.await("the word of "+s.name, time.Minute, func() bool { out = s.observe(); return out.Seen != nil })
		if out.ID != ids[s.name] || out.Facts[consul.FactACL] != consul.ACLOpen || len(out.Keys) > 0 {
			t.Errorf("%s is %+v, was %s", s.name, out, ids[s.name])
		}
		for _, p := range out.Seen.Peers {
			if p.Address != c.ip(engine.OrdinalOf(p.Name))+":8300" {
				t.Errorf("%s knows %s at %s", s.name, p.Name, p.Address)
			}
		}
	}
	// Whoever joins later is as open as they are.
	c.prepare(3).grant(engine.GrantJoin, 0)
	c.settle(desired(4, nil), time.Minute)
	c.awaitVoters(4, time.Minute)
	if lost := w.lost(c.leader().client("")); len(lost) > 0 {
		t.Errorf("acknowledged writes are lost: %v", lost)
	}
	if w.gap > 30*time.Second {
		t.Errorf("no write was acknowledged for %s", w.gap)
	}
}
