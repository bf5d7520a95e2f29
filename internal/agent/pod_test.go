// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quorate/quorate/internal/agent/client"
	"github.com/quorate/quorate/internal/agent/hold"
	"github.com/quorate/quorate/internal/agent/settings"
	"github.com/quorate/quorate/internal/agent/volume"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/faultpoint"
	"github.com/quorate/quorate/internal/pki"
)

// pod is one pod on this machine: its directories, its init and agent as
// processes, and a kubelet's part with a model of the server. Every look at
// the disk checks what must hold there at any moment.
type pod struct {
	t *testing.T
	settings.Settings
	dir    string
	env    []string
	client *client.Client

	agent *exec.Cmd
	ended chan error
	// lock is held while the modelled server runs.
	lock *os.File
	// formations counts how often the server has formed a set, recoveries how
	// often it has read of one, and deaths those of processes at fault points.
	formations, recoveries, deaths int
}

func newPod(t *testing.T, env ...string) *pod {
	t.Helper()
	dir := t.TempDir()
	p := &pod{t: t, dir: dir, Settings: podSettings(dir), env: env}
	for _, d := range []string{p.DataDir, p.ConfigDir, p.RunDir, p.SecretDir, p.SharedDir} {
		p.must(os.Mkdir(d, 0o700))
	}
	p.must(os.WriteFile(filepath.Join(dir, "program"), []byte("program"), 0o600))
	authority, err := pki.NewAuthority("test", time.Now())
	p.must(err)
	issuer, err := pki.LoadAuthority(authority)
	p.must(err)
	member, err := issuer.Member(time.Now())
	p.must(err)
	for name, content := range map[string][]byte{"ca.crt": authority.Certificate, "tls.crt": member.Certificate, "tls.key": member.Key} {
		p.must(os.WriteFile(filepath.Join(p.SecretDir, name), content, 0o600))
	}
	manager, err := issuer.Manager(time.Now())
	p.must(err)
	identity, err := client.Identity(authority.Certificate, manager.Certificate, manager.Key)
	p.must(err)
	p.client = client.New(nil, identity)
	t.Cleanup(p.client.Close)
	t.Cleanup(p.stop)
	return p
}

func (p *pod) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pod) command(role string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	// The race detector has a process wait for a second before it ends, which is
	// most of what there would be to wait for here.
	cmd.Env = append(os.Environ(), append(p.env, roleEnv+"="+role, dirEnv+"="+p.dir, "GORACE=atexit_sleep_ms=10")...)
	cmd.Stderr = os.Stderr
	return cmd
}

// sandbox starts the pod, or starts it again: nothing of it runs, init comes
// first, then the agent. Init is repeated until it succeeds.
func (p *pod) sandbox() {
	p.t.Helper()
	p.stopServer()
	for {
		err := p.command("init").Run()
		p.check()
		if err == nil {
			break
		}
		p.died(err)
	}
	p.startAgent()
}

func (p *pod) startAgent() {
	p.t.Helper()
	for _, name := range []string{"manager.address", "probes.address"} {
		_ = os.Remove(filepath.Join(p.dir, name))
	}
	p.agent = p.command("agent")
	p.must(p.agent.Start())
	p.ended = make(chan error, 1)
	go func() { p.ended <- p.agent.Wait() }()
}

// died counts a death at a fault point; any other end is a failure.
func (p *pod) died(err error) {
	p.t.Helper()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			p.deaths++
			return
		}
	}
	p.t.Fatalf("a process of the pod ended with %v", err)
}

// stop ends the agent as the kubelet does, and returns when it is gone.
func (p *pod) stop() {
	p.stopServer()
	if p.agent == nil {
		return
	}
	_ = p.agent.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Errorf("the agent ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		p.t.Error("the agent does not end")
		_ = p.agent.Process.Kill()
	}
	p.agent = nil
}

// server does the kubelet's part for the server's container: it starts the
// server whenever nothing holds it back, and ends it when it has left.
func (p *pod) server() {
	p.t.Helper()
	if _, err := os.Stat(filepath.Join(p.dir, leftFile)); err == nil {
		p.stopServer()
		p.must(os.Remove(filepath.Join(p.dir, leftFile)))
	}
	if p.lock == nil && !p.held() {
		p.startServer()
	}
}

// startServer is the model of a server that forms a set where it is let, and
// joins one where it is not. It is stricter than a real one in that settings
// to form are a fault also where its own data would make it ignore them.
func (p *pod) startServer() {
	p.t.Helper()
	m := p.check()
	if m == nil {
		p.t.Fatal("a server starts on a volume that was not granted")
	}
	f, err := os.Open(filepath.Join(p.RunDir, "server.lock"))
	p.must(err)
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close() // the agent looks at it just now
		return
	}
	p.lock = f
	if !p.exists(p.DataDir, raftDir) {
		if p.exists(p.ConfigDir, formFile) {
			p.formations++
		}
		p.must(os.Mkdir(filepath.Join(p.DataDir, raftDir), 0o700))
	}
	if p.exists(filepath.Join(p.DataDir, raftDir), peersFile) {
		p.recoveries++
		p.must(os.Remove(filepath.Join(p.DataDir, raftDir, peersFile)))
	}
	text, err := json.Marshal(engine.Server{Running: true, Serving: true, Formed: true, ID: "id"})
	p.must(err)
	path := filepath.Join(p.dir, serverFile)
	p.must(os.WriteFile(path+".new", text, 0o600))
	p.must(os.Rename(path+".new", path))
}

func (p *pod) stopServer() {
	if p.lock != nil {
		_ = os.Remove(filepath.Join(p.dir, serverFile))
		_ = p.lock.Close()
		p.lock = nil
	}
}

// check asserts what must be on the disk at any moment, and returns the marker.
func (p *pod) check() *engine.Marker {
	p.t.Helper()
	// The hold is looked at first: it is lifted last and set first, so that
	// nothing that happens in between can make this look wrong by mistake.
	held := p.held()
	form := p.exists(p.ConfigDir, formFile)
	found, err := volume.Look(p.DataDir, volume.Identity{Member: p.Member, ClusterID: p.ClusterID, Adopts: p.Adopts}, fakeEngine{}.HoldsData)
	p.must(err)
	if found.State == engine.VolumeForeign {
		p.t.Fatalf("the volume has become foreign: %s", found.Why)
	}
	m := found.Marker
	switch {
	case held:
	case m == nil:
		p.t.Fatal("the hold is lifted on a volume without a grant")
	case m.Leaving && p.held() == held:
		p.t.Fatal("the hold is lifted on a volume whose member is leaving")
	case m.Recovering() && p.held() == held:
		p.t.Fatal("the hold is lifted on a volume that is not prepared for a recovery yet")
	}
	if m != nil && m.Formed && form && p.exists(p.ConfigDir, formFile) {
		p.t.Fatal("a volume is marked as formed, and settings to form another set are there")
	}
	return m
}

func (p *pod) held() bool {
	p.t.Helper()
	held, err := hold.Dir(p.RunDir).Held()
	p.must(err)
	return held
}

func (p *pod) exists(dir, name string) bool {
	p.t.Helper()
	_, err := os.Stat(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.t.Fatal(err)
	}
	return err == nil
}

// dying is the environment of a process that dies once, at a point.
func dying(t *testing.T, point string) []string {
	t.Helper()
	return []string{
		faultpoint.Env + "=" + point,
		faultpoint.OnceEnv + "=" + filepath.Join(t.TempDir(), "died"),
	}
}
