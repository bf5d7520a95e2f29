// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build realconsul

package consulagent

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

// reload has a member's agent do what the manager would ask for.
func (s *server) reload(config string) error {
	s.c.t.Helper()
	start := time.Now()
	err := s.local.Do(s.c.t.Context(), engine.Step{Kind: engine.StepReload, Member: s.name,
		Params: consul.Engine{}.Template(datastore(config)).Reloadable})
	s.c.t.Logf("%-45s %6.2f s %v", "Reload of "+s.name, time.Since(start).Seconds(), err)
	return err
}

// debugLines counts what the server logs at the level debug while it is asked
// for something, each of which it would log.
func (s *server) debugLines() int {
	s.c.t.Helper()
	log := filepath.Join(s.dir, "log")
	before, err := os.ReadFile(log)
	if err != nil {
		s.c.t.Fatal(err)
	}
	for range 5 {
		if _, err := s.client(testManagement).Agent().Services(); err != nil {
			s.c.t.Fatal(err)
		}
	}
	after, err := os.ReadFile(log)
	if err != nil {
		s.c.t.Fatal(err)
	}
	return strings.Count(string(after[len(before):]), "[DEBUG]")
}

func TestRealReload(t *testing.T) {
	c := newCluster(t)
	c.form(1)
	s := c.leader()
	const config = `{"log_level":"DEBUG","node_meta":{"rack":"a"},"services":[{"name":"web","port":80}],"limits":{"http_max_conns_per_client":300}}`
	check := func(config, level string, changed bool) {
		t.Helper()
		if got := s.observe().Settings; got != hashOf(config) {
			t.Errorf("it has the settings %q, want %q", got, hashOf(config))
		}
		self, err := s.client(testAgent).Agent().Self()
		if err != nil {
			t.Fatal(err)
		}
		if got := self["DebugConfig"]["Logging"].(map[string]any)["LogLevel"]; got != level {
			t.Errorf("it shows the level %v, want %s", got, level)
		}
		services, err := s.client(testManagement).Agent().Services()
		if err != nil {
			t.Fatal(err)
		}
		if (s.debugLines() > 0) != changed || (self["Meta"]["rack"] == "a") != changed || (services["web"] != nil) != changed {
			t.Errorf("want changed %v: %d lines at the level debug, the metadata %v and the services %v",
				changed, s.debugLines(), self["Meta"], services)
		}
		select {
		case <-s.exited:
			t.Fatal("the server ended")
		default:
		}
	}
	pid := s.cmd.Process.Pid
	check("", "INFO", false)
	for range 2 {
		if err := s.reload(config); err != nil {
			t.Fatal(err)
		}
		check(config, "DEBUG", true)
		if err := s.reload(""); err != nil {
			t.Fatal(err)
		}
		check("", "INFO", false)
	}
	t.Run("what Consul refuses", func(t *testing.T) {
		for _, refused := range []string{`{"recursors":["[::1"]}`, `{"services":[{"name":"web","port":80,"checks":[{"interval":"1s"}]}]}`} {
			if err := s.reload(refused); err == nil {
				t.Errorf("%s was taken up", refused)
			}
			if got := s.observe().Settings; got == "" || got == hashOf("") || got == hashOf(refused) {
				t.Errorf("after %s it has the settings %q", refused, got)
			}
		}
		if pid != s.cmd.Process.Pid {
			t.Error("it is another process")
		}
		s.signal(syscall.SIGTERM)
		s.start()
		c.awaitVoters(1, time.Minute)
		if got := s.observe().Settings; got == "" {
			t.Error("it does not start with what was put back")
		}
	})
	t.Run("cut off after the file", func(t *testing.T) {
		if err := replaceFile(s.local.reloadPath(), []byte(reloadable(config))); err != nil {
			t.Fatal(err)
		}
		if got := s.observe().Settings; got != "" {
			t.Errorf("it is said to have %q", got)
		}
		s.kill()
		s.start()
		c.awaitVoters(1, time.Minute)
		check(config, "DEBUG", true)
	})
}
