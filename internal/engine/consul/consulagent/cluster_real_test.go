// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build realconsul

package consulagent

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

const (
	testManagement = "2f3a9e0e-4d5b-4f7c-9a52-6f4c0d0f3b01"
	testAgent      = "2f3a9e0e-4d5b-4f7c-9a52-6f4c0d0f3b02"
	testGossip     = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s="
)

// cluster is a set of real servers on loopback addresses of their own.
type cluster struct {
	t       *testing.T
	binary  string
	net     int // of the loopback addresses
	config  string
	root    string
	made    int
	members map[int]*server
	// gossip is the key that init renders.
	gossip string
	// adopts is the Datastore where the set was made by hand.
	adopts *v1alpha1.Datastore
}

// server is one member: its folders, its process, and its agent's half.
type server struct {
	c       *cluster
	name    string
	ip      string
	dir     string
	binary  string
	local   *local
	cmd     *exec.Cmd
	exited  chan struct{}
	marker  engine.Marker
	volume  engine.VolumeState
	started time.Time
}

var nextNet atomic.Int32

// newCluster needs the path of a consul binary in QUORATE_CONSUL.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	binary := os.Getenv("QUORATE_CONSUL")
	if binary == "" {
		t.Fatal("QUORATE_CONSUL must be the path of a consul binary")
	}
	t.Parallel()
	c := &cluster{t: t, binary: binary, net: int(nextNet.Add(1)), root: t.TempDir(), gossip: testGossip, members: map[int]*server{}}
	t.Cleanup(func() {
		for _, s := range c.members {
			s.kill()
		}
		if t.Failed() && os.Getenv("QUORATE_CONSUL_LOGS") != "" {
			for _, s := range c.members {
				log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
				t.Logf("log of %s:\n%s", s.name, log)
			}
		}
	})
	return c
}

// ip is one that no other process running these tests is likely to use.
func (c *cluster) ip(i int) string { return fmt.Sprintf("127.%d.%d.%d", 64+os.Getpid()%64, c.net, i+1) }

// prepare makes the folders of a member as init would, on an empty volume.
func (c *cluster) prepare(i int) *server {
	c.t.Helper()
	s := &server{c: c, name: fmt.Sprintf("db-%d", i), ip: c.ip(i), binary: c.binary, volume: engine.VolumeEmpty}
	c.made++
	s.dir = filepath.Join(c.root, fmt.Sprintf("%d-%s", c.made, s.name))
	for _, sub := range []string{"config", "data", "secret"} {
		if err := os.MkdirAll(filepath.Join(s.dir, sub), 0o755); err != nil {
			c.t.Fatal(err)
		}
	}
	s.write("secret/"+consul.CredentialAgent, testAgent)
	s.local = newLocal(engine.LocalConfig{
		Member: s.name, ConfigDir: filepath.Join(s.dir, "config"),
		DataDir: filepath.Join(s.dir, "data"), SecretDir: filepath.Join(s.dir, "secret"),
	}, "http://"+s.ip+":8500")
	c.members[i] = s
	s.render(9)
	return s
}

// render writes the configuration as init does at each start of a pod.
func (s *server) render(size int) {
	s.c.t.Helper()
	d := s.c.adopts
	if d == nil {
		d = datastore(s.c.config)
	}
	template, shared := consul.Engine{}.Template(d), map[string][]byte{}
	for _, files := range []map[string]string{template.Files, template.Reloadable} {
		for name, content := range files {
			s.write("config/"+name, content)
			shared[name] = []byte(content)
		}
	}
	addresses := map[string]string{}
	for i := range size {
		addresses[fmt.Sprintf("db-%d", i)] = s.c.ip(i)
	}
	files, err := consul.Renderer{}.Member(engine.MemberInput{
		Name: s.name, PodIP: s.ip, Address: s.ip, Addresses: addresses,
		Secrets: map[string][]byte{consul.CredentialGossip: []byte(s.c.gossip), consul.CredentialAgent: []byte(testAgent)},
		Shared:  shared,
	})
	if err != nil {
		s.c.t.Fatal(err)
	}
	for name, content := range files {
		s.write("config/"+name, string(content))
	}
	// All members share one network here.
	s.write("config/zz-test.json", fmt.Sprintf(`{"client_addr":%q,"data_dir":%q}`, s.ip, filepath.Join(s.dir, "data")))
}

func (s *server) write(path, content string) {
	s.c.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, path), []byte(content), 0o600); err != nil {
		s.c.t.Fatal(err)
	}
}

// grant releases a member and starts it.
func (s *server) grant(kind engine.GrantKind, size int32) *server {
	s.c.t.Helper()
	s.marker = engine.Marker{Member: s.name, Grant: engine.Grant{Kind: kind, Size: size}}
	s.volume = engine.VolumeMember
	return s.start()
}

// start runs the server as the container would.
func (s *server) start() *server {
	s.c.t.Helper()
	if err := s.local.Release(s.marker); err != nil {
		s.c.t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		s.c.t.Fatal(err)
	}
	cmd := exec.Command(s.binary, "agent", "-config-dir="+filepath.Join(s.dir, "config"))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		s.c.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); _ = log.Close(); close(exited) }()
	s.cmd, s.exited, s.started = cmd, exited, time.Now()
	return s
}

func (s *server) kill() { s.signal(syscall.SIGKILL) }

// signal stops the server and waits until it has.
func (s *server) signal(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(sig)
	<-s.exited
}

func (s *server) observe() engine.Server {
	s.c.t.Helper()
	out, err := s.local.Observe(context.Background())
	if err != nil {
		// A server on its way up or down; the agent would report the last state.
		return engine.Server{ID: s.local.storedID()}
	}
	if out.Formed {
		s.marker.Formed = true
	}
	return out
}

// observation is what a pass of the manager would see.
func (c *cluster) observation() engine.Observation {
	var have engine.Observation
	for i := range 9 {
		s := c.members[i]
		if s == nil {
			continue
		}
		have.Members = append(have.Members, engine.MemberObservation{
			Name: s.name, Ordinal: i, Address: s.ip,
			Report: &engine.Report{Member: s.name, Volume: s.volume, Server: s.observe()},
		})
	}
	return have
}

func (c *cluster) assess() engine.Assessment { return consul.Engine{}.Assess(c.observation()) }

// await polls until the condition holds and returns how long that took.
func (c *cluster) await(what string, timeout time.Duration, done func() bool) time.Duration {
	c.t.Helper()
	start := time.Now()
	for !done() {
		if time.Since(start) > timeout {
			c.t.Fatalf("gave up waiting for %s after %s: %+v", what, timeout, c.assess())
		}
		time.Sleep(50 * time.Millisecond) // the condition is in other processes
	}
	took := time.Since(start)
	c.t.Logf("%-45s %6.2f s", what, took.Seconds())
	return took
}

func (c *cluster) awaitVoters(n int, timeout time.Duration) time.Duration {
	c.t.Helper()
	return c.await(strconv.Itoa(n)+" healthy voters", timeout, func() bool {
		a := c.assess()
		voters, healthy := a.Voters()
		return a.Usable && voters == n && healthy == n && len(a.Peers) == n
	})
}

// desired is the membership of the first n, with what is lost.
func desired(n int, lost map[string][]string) engine.Desired {
	want := engine.Desired{Lost: lost}
	for i := range n {
		want.Members = append(want.Members, fmt.Sprintf("db-%d", i))
	}
	return want
}

// act carries out the first step of the plan, as the manager would, and returns
// it; nil where there is none.
func (c *cluster) act(want engine.Desired) *engine.Step {
	c.t.Helper()
	steps := consul.Engine{}.Plan(want, c.observation())
	if len(steps) == 0 {
		return nil
	}
	step := steps[0]
	step.Credentials = map[string]string{}
	for _, key := range step.Secrets {
		step.Credentials[key] = map[string]string{consul.CredentialManagement: testManagement, consul.CredentialAgent: testAgent}[key]
	}
	s := c.members[engine.OrdinalOf(step.Member)]
	if step.Kind == engine.StepLeave {
		c.members[engine.OrdinalOf(step.About())].volume = engine.VolumeLeaving
	}
	start := time.Now()
	err := s.local.Do(context.Background(), step)
	c.t.Logf("%-45s %6.2f s %v", fmt.Sprintf("%s of %s by %s", step.Kind, step.About(), step.Member), time.Since(start).Seconds(), err)
	return &step
}

// settle acts until nothing is planned.
func (c *cluster) settle(want engine.Desired, timeout time.Duration) {
	c.t.Helper()
	c.await(fmt.Sprintf("settled at %d", len(want.Members)), timeout, func() bool {
		return c.act(want) == nil && c.assess().Known
	})
}

// leader is who leads, once somebody does: an election may be going on.
func (c *cluster) leader() *server {
	c.t.Helper()
	return c.members[engine.OrdinalOf(c.once(func(a engine.Assessment) bool { return a.Leader != "" }).Leader)]
}

// known is what is found of the set, once a leader answers for it: one that was just
// elected does not yet.
func (c *cluster) known() engine.Assessment {
	c.t.Helper()
	return c.once(func(a engine.Assessment) bool { return a.Known })
}

// once returns the first assessment of which a condition holds.
func (c *cluster) once(holds func(engine.Assessment) bool) engine.Assessment {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) { // the condition is in other processes
		a := c.assess()
		if holds(a) {
			return a
		}
		if time.Now().After(end) {
			c.t.Fatal("nobody leads, or can tell of the members: " + a.Why)
		}
	}
}

// handOver has whoever leads step down until somebody else does who may. A transfer can
// fail, as when nobody has caught up, and is asked for again.
func (c *cluster) handOver(what, prefer string, may func(leader string) bool) {
	c.t.Helper()
	c.await(what, time.Minute, func() bool {
		leader := c.leader()
		if may(leader.name) {
			return true
		}
		step := engine.Step{Kind: engine.StepStepDown, Member: leader.name, Params: map[string]string{consul.ParamPrefer: prefer}}
		if err := leader.local.Do(c.t.Context(), step); err != nil {
			c.t.Logf("StepDown of %s: %v", leader.name, err)
		}
		return false
	})
}

// form starts n servers on empty volumes and returns when all vote.
func (c *cluster) form(n int) {
	c.t.Helper()
	start := time.Now()
	for i := range n {
		c.prepare(i).grant(engine.GrantForm, int32(n))
	}
	c.await("a leader", time.Minute, func() bool { return c.assess().Leader != "" })
	c.settle(desired(n, nil), time.Minute)
	c.t.Logf("%-45s %6.2f s", "usable", time.Since(start).Seconds())
	c.awaitVoters(n, time.Minute)
	c.t.Logf("%-45s %6.2f s", "formed, all healthy", time.Since(start).Seconds())
}

func (s *server) client(token string) *api.Client {
	s.c.t.Helper()
	client, err := api.NewClient(&api.Config{Address: "http://" + s.ip + ":8500", Token: token, HttpClient: http.DefaultClient})
	if err != nil {
		s.c.t.Fatal(err)
	}
	return client
}
