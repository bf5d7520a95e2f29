// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build realconsul

package consulagent

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

// TestRealRecovery loses three of five volumes, and goes on from the two that are
// left, of which one lags behind: what was written last must be there.
func TestRealRecovery(t *testing.T) {
	c := newCluster(t)
	c.form(5)
	client := c.leader().client(testManagement)
	put := func(key string) error {
		_, err := client.KV().Put(&api.KVPair{Key: key, Value: []byte(key)}, nil)
		return err
	}
	if err := put("early"); err != nil {
		t.Fatal(err)
	}
	followers := slices.DeleteFunc([]int{0, 1, 2, 3, 4}, func(i int) bool { return c.members[i] == c.leader() })
	behind, ahead := c.members[followers[0]], c.members[followers[3]]
	if err := behind.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := put(fmt.Sprint("late", i)); err != nil {
			t.Fatal(err)
		}
	}
	leader := c.leader()
	c.await("what was written is on the one that survives", time.Minute, func() bool {
		return logEndOf(t, ahead).Compare(logEndOf(t, leader)) == 0
	})
	for _, s := range c.members {
		if s != behind && s != ahead {
			s.kill()
			if err := os.RemoveAll(s.dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := behind.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}

	// What the two say without anybody that leads.
	survivors := func() []engine.MemberObservation {
		return slices.DeleteFunc(c.observation().Members, func(m engine.MemberObservation) bool { return m.Name != behind.name && m.Name != ahead.name })
	}
	var remains engine.Remains
	c.await("both tell where their logs end", time.Minute, func() bool {
		remains = consul.Engine{}.Remains(survivors())
		return remains.Newest != "" && !c.assess().Known
	})
	t.Logf("%+v", remains)

	// Nor after they were started anew, as by a node that was, without anybody that leads.
	for _, s := range []*server{behind, ahead} {
		s.kill()
		s.start()
	}
	c.await("both tell it again", time.Minute, func() bool {
		for _, m := range survivors() {
			if m.Report.Server.Facts[consul.FactLog] == "" || len(strings.Split(m.Report.Server.Facts[consul.FactVoters], ",")) != 5 {
				return false
			}
		}
		remains = consul.Engine{}.Remains(survivors())
		return remains.Newest != ""
	})
	// The one behind may have caught up with what was on its way to it.
	newest := ahead
	if logEndOf(t, behind).Compare(logEndOf(t, ahead)) >= 0 {
		newest = behind
	}
	if logEndOf(t, newest).Compare(logEndOf(t, ahead)) != 0 || len(remains.Voters) != 5 || remains.Newest != newest.name && remains.Newest != ahead.name {
		t.Errorf("the newest is %s, want %s; voters %v, want 5", remains.Newest, newest.name, remains.Voters)
	}
	for range 2 {
		if again := (consul.Engine{}).Remains(survivors()); again.Newest != remains.Newest || again.Why != remains.Why {
			t.Errorf("it says now %+v", again)
		}
		time.Sleep(4 * time.Second) // elections go on meanwhile, and must not show
	}

	r := engine.Recovery{Number: 1, Params: consul.Engine{}.Recover(survivors())}
	for _, s := range []*server{behind, ahead} {
		s.signal(syscall.SIGTERM)
		if err := s.local.Recover(r); err != nil {
			t.Fatal(err)
		}
		s.start()
	}
	c.awaitVoters(2, time.Minute)
	client = c.leader().client(testManagement)
	for i := range 20 {
		pair, _, err := client.KV().Get(fmt.Sprint("late", i), &api.QueryOptions{RequireConsistent: true})
		if err != nil || pair == nil {
			t.Errorf("late%d is lost: %v", i, err)
		}
	}
	for _, s := range []*server{behind, ahead} {
		if _, err := os.Stat(filepath.Join(s.dir, "data", "raft", "peers.json")); !os.IsNotExist(err) {
			t.Errorf("%s would be recovered again: %v", s.name, err)
		}
	}
	if err := put("after"); err != nil {
		t.Error(err)
	}

	for _, i := range []int{0, 1, 2, 3, 4} {
		if s := c.members[i]; s != behind && s != ahead {
			c.prepare(i).grant(engine.GrantJoin, 0)
			break
		}
	}
	c.awaitVoters(3, time.Minute)
}

func logEndOf(t *testing.T, s *server) consul.LogEnd {
	t.Helper()
	self, err := wire.ReadSelf(s.client(consul.RecoveryToken(testAgent)), wire.Query(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return self.LogEnd()
}
