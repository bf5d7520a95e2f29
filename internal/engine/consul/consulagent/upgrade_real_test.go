// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build realconsul

package consulagent

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

// TestRealUpgrade has a set of the older release followed by the newer one and
// back, one member at a time and the leader last, under writes. It writes a
// snapshot every few of them, so that each release starts on both the snapshots
// and the log of the other.
func TestRealUpgrade(t *testing.T) {
	c := newCluster(t)
	newer, older := c.binary, os.Getenv("QUORATE_CONSUL_OLD")
	if older == "" {
		t.Fatal("QUORATE_CONSUL_OLD must be the path of a consul binary of the release before")
	}
	from, to := versionOf(t, older), versionOf(t, newer)
	if from == to {
		t.Skipf("both binaries are %s", from)
	}
	c.binary = older
	c.config = `{"raft_snapshot_threshold":30,"raft_snapshot_interval":"500ms","raft_trailing_logs":5}`
	c.form(3)
	w := c.write()
	c.furnish(from)
	c.roll(newer, from, to)
	c.inspect(nil, from)
	c.furnish(to)
	c.roll(older, to, from)
	acked, gap := w.stop()
	t.Logf("%-45s %6.2f s of %d", "longest time without an acknowledged write", gap.Seconds(), len(acked))
	c.inspect(acked, from, to)
}

func versionOf(t *testing.T, binary string) string {
	t.Helper()
	out, err := exec.Command(binary, "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	version, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimPrefix(version, "Consul v")
}

// roll replaces the members' program, followers first. The plan moves the
// leadership to those that have it already.
func (c *cluster) roll(binary, from, to string) {
	c.t.Helper()
	if err := (consul.Engine{}).Upgrade(engine.Server{Version: from}, to); err != nil {
		c.t.Fatal(err)
	}
	last := c.leader()
	want := desired(3, nil)
	replace := func(s *server) {
		c.await("a snapshot of "+s.name+" by "+from, time.Minute, func() bool { return s.snapshots() > 0 })
		start := time.Now()
		s.signal(syscall.SIGTERM)
		s.binary = binary
		s.start()
		c.awaitVoters(3, time.Minute)
		if got := s.observe().Version; got != to {
			c.t.Fatalf("%s runs %s, want %s", s.name, got, to)
		}
		c.t.Logf("%-45s %6.2f s", s.name+" from "+from+" to "+to, time.Since(start).Seconds())
	}
	for i := range 3 {
		if s := c.members[i]; s != last {
			replace(s)
			want.Lead = append(want.Lead, s.name)
		}
	}
	if got := c.leader(); got != last {
		c.t.Fatalf("the leadership went from %s to %s while a follower was replaced", last.name, got.name)
	}
	c.settle(want, time.Minute)
	if got := c.leader().name; !want.MayLead(got) {
		c.t.Fatalf("%s leads, want one of %v", got, want.Lead)
	}
	replace(last)
}

// snapshots counts those that were written since the server started.
func (s *server) snapshots() int {
	s.c.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "data", "raft", "snapshots", "*", "state.bin"))
	if err != nil {
		s.c.t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.ModTime().After(s.started) && !strings.Contains(file, ".tmp") {
			n++
		}
	}
	return n
}

// furnish writes one of several things whose form may change between releases.
//
// Nothing in it has a virtual address, as services of the mesh do: a server of
// 1.22 that replays its log while it starts asks itself over HTTP for the family
// of its address, cannot be answered yet, and leaves such an entry out. It does
// so after any restart, whatever release wrote the log.
func (c *cluster) furnish(version string) {
	c.t.Helper()
	client := c.leader().client(testManagement)
	name := "service-" + version
	for what, write := range map[string]func() error{
		"a service": func() error {
			_, err := client.Catalog().Register(&api.CatalogRegistration{Node: "outside", Address: "192.0.2.1",
				Service: &api.AgentService{ID: name, Service: name, Port: 80}}, nil)
			return err
		},
		"a configuration entry": func() error {
			_, _, err := client.ConfigEntries().Set(&api.IngressGatewayConfigEntry{Kind: api.IngressGateway, Name: name}, nil)
			return err
		},
		"a prepared query": func() error {
			_, _, err := client.PreparedQuery().Create(&api.PreparedQueryDefinition{Name: name, Service: api.ServiceQuery{Service: name}}, nil)
			return err
		},
		"a policy": func() error {
			_, _, err := client.ACL().PolicyCreate(&api.ACLPolicy{Name: strings.ReplaceAll(name, ".", "-"), Rules: `key "a" { policy = "read" }`}, nil)
			return err
		},
		"a session": func() error {
			_, _, err := client.Session().CreateNoChecks(&api.SessionEntry{Name: name, Node: c.leader().name}, nil)
			return err
		},
	} {
		if err := write(); err != nil {
			c.t.Fatalf("writing %s with %s: %v", what, version, err)
		}
	}
}

// inspect looks for all that was written.
func (c *cluster) inspect(acked map[string]bool, versions ...string) {
	c.t.Helper()
	client := c.leader().client(testManagement)
	q := &api.QueryOptions{RequireConsistent: true}
	pairs, _, err := client.KV().List("written/", q)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, p := range pairs {
		delete(acked, p.Key)
	}
	if len(acked) > 0 {
		c.t.Errorf("%d acknowledged writes are lost, of %d that are there: %v", len(acked), len(pairs), acked)
	}
	sessions, _, err := client.Session().List(q)
	if err != nil || len(sessions) != len(versions) {
		c.t.Errorf("there are %d sessions: %v", len(sessions), err)
	}
	queries, _, err := client.PreparedQuery().List(q)
	if err != nil || len(queries) != len(versions) {
		c.t.Errorf("there are %d prepared queries: %v", len(queries), err)
	}
	for _, version := range versions {
		name := "service-" + version
		instances, _, err := client.Catalog().Service(name, "", q)
		if err != nil || len(instances) != 1 {
			c.t.Errorf("of the service %s there is %+v: %v", name, instances, err)
		}
		if _, _, err := client.ConfigEntries().Get(api.IngressGateway, name, q); err != nil {
			c.t.Errorf("the configuration entry of %s: %v", name, err)
		}
		policy, _, err := client.ACL().PolicyReadByName(strings.ReplaceAll(name, ".", "-"), q)
		if err != nil || policy == nil {
			c.t.Errorf("the policy of %s: %v", name, err)
		}
	}
}

// writer writes 20 keys a second, each with one retry on another member.
type writer struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	acked  map[string]bool
	last   time.Time
	gap    time.Duration
}

func (c *cluster) write() *writer {
	ctx, cancel := context.WithCancel(c.t.Context())
	w := &writer{cancel: cancel, acked: map[string]bool{}, last: time.Now()}
	clients := make([]*api.Client, 3)
	for i := range clients {
		clients[i] = c.members[i].client(testManagement)
	}
	w.done.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ctx.Err() == nil; i++ {
			key := fmt.Sprintf("written/%06d", i)
			if put(ctx, clients[i%3], key) || put(ctx, clients[(i+1)%3], key) {
				w.acked[key] = true
				gap := time.Since(w.last)
				if w.gap, w.last = max(w.gap, gap), time.Now(); gap > 500*time.Millisecond {
					c.t.Logf("%-45s %6.2f s", "no write was acknowledged for", gap.Seconds())
				}
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	})
	return w
}

func put(ctx context.Context, client *api.Client, key string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := client.KV().Put(&api.KVPair{Key: key, Value: []byte(key)}, (&api.WriteOptions{}).WithContext(ctx))
	return err == nil
}

// stop ends the writing and returns the keys that were acknowledged and the
// longest time without one.
func (w *writer) stop() (map[string]bool, time.Duration) {
	w.cancel()
	w.done.Wait()
	return w.acked, w.gap
}
