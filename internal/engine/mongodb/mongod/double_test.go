// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"bytes"
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// The programs that the tests of the local half run: the double, which is built
// here, or real servers where these variables name them.
const (
	mongodVariable    = "QUORATE_MONGOD"    // of 8.0
	mongodOldVariable = "QUORATE_MONGOD_70" // of 7.0
)

var mongod, mongodOld string

func TestMain(m *testing.M) { os.Exit(withMongod(m)) }

func withMongod(m *testing.M) int {
	if mongod, mongodOld = os.Getenv(mongodVariable), os.Getenv(mongodOldVariable); mongod != "" {
		return m.Run()
	}
	// Sets wait for elections most of the time, each for its own.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "mongod")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	mongod, mongodOld = filepath.Join(dir, "mongod"), filepath.Join(dir, "mongod-7.0")
	for program, version := range map[string]string{mongod: "8.0.4", mongodOld: "7.0.14"} {
		build := exec.Command("go", "build", "-o", program, "-ldflags", "-X main.version="+version, "github.com/quorate/quorate/test/mongosim/cmd/mongod")
		if out, err := build.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("build the double of mongod: %v\n%s", err, out))
		}
	}
	return m.Run()
}

// cluster is a set of processes on loopback, each with a local half beside it.
type cluster struct {
	t       *testing.T
	program string
	servers []*process
	key     string
}

type process struct {
	*local
	c      *cluster
	port   int
	data   string
	cmd    *exec.Cmd
	output bytes.Buffer
}

const (
	adminPassword = "p@ss/w+rd:=?& "
	agentPassword = "a+g/e=n&t"
)

// newCluster starts n servers on empty volumes, of which the first may form.
func newCluster(t *testing.T, n int) *cluster { return newClusterOf(t, mongod, n) }

func newClusterOf(t *testing.T, program string, n int) *cluster {
	t.Helper()
	c := &cluster{t: t, program: program, key: base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("quorate"), 108))}
	for i := range n {
		c.add(i)
	}
	return c
}

func (c *cluster) add(i int) *process {
	c.t.Helper()
	p := &process{c: c, port: c.freePort(), data: c.t.TempDir()}
	config := engine.LocalConfig{Member: "db-" + strconv.Itoa(i), ConfigDir: c.t.TempDir(), DataDir: p.data, SecretDir: c.t.TempDir()}
	for path, text := range map[string]string{
		filepath.Join(config.ConfigDir, mongodb.KeyFile):           c.key,
		filepath.Join(config.ConfigDir, mongodb.HostFile):          p.host(),
		filepath.Join(config.SecretDir, mongodb.CredentialKeyFile): c.key,
		filepath.Join(config.SecretDir, mongodb.CredentialAgent):   agentPassword,
	} {
		c.must(os.WriteFile(path, []byte(text), 0o400))
	}
	p.local = newLocal(config, p.host())
	p.name = func(host string) string {
		for i, s := range c.servers {
			if s.host() == host {
				return "db-" + strconv.Itoa(i)
			}
		}
		return host
	}
	kind := engine.GrantJoin
	if i == 0 {
		kind = engine.GrantForm
	}
	c.must(p.Release(engine.Marker{Grant: engine.Grant{Kind: kind}}))
	c.servers = append(c.servers, p)
	c.t.Cleanup(func() { p.end(); p.closeAll() })
	p.start()
	return p
}

// given are the ports that were given to servers, of any test.
var given sync.Map

// freePort is one that no server was given before: those may not listen yet, or be
// down for a while.
func (c *cluster) freePort() int {
	c.t.Helper()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		c.must(err)
		port := listener.Addr().(*net.TCPAddr).Port
		c.must(listener.Close())
		if _, taken := given.LoadOrStore(port, true); !taken {
			return port
		}
	}
}

func (l *local) closeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for who, s := range l.sessions {
		s.Close(context.Background())
		delete(l.sessions, who)
	}
}

func (p *process) host() string { return "127.0.0.1:" + strconv.Itoa(p.port) }

func (p *process) start() {
	p.c.t.Helper()
	p.cmd = exec.Command(p.c.program, "--replSet", "db", "--dbpath", p.data, "--port", strconv.Itoa(p.port), "--bind_ip", "127.0.0.1", "--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100")
	if p.c.key != "" { // else everybody is let in
		p.cmd.Args = append(p.cmd.Args, "--keyFile", filepath.Join(p.local.config.ConfigDir, mongodb.KeyFile))
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.c.must(p.cmd.Start())
}

// end ends the process as SIGKILL does.
func (p *process) end() {
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(syscall.SIGKILL)
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// patience is more than an election takes.
const patience = 45 * time.Second

// eventually waits for a condition, which says what is missing.
func (c *cluster) eventually(condition func() string) {
	c.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		missing := condition()
		if missing == "" {
			return
		}
		if time.Now().After(end) {
			for i, s := range c.servers {
				text := s.output.String()
				c.t.Logf("db-%d says: %s", i, text[max(0, len(text)-1500):])
			}
			c.t.Fatal(missing)
		}
	}
}

// observe is what the manager would see now.
func (c *cluster) observe() engine.Observation {
	c.t.Helper()
	var out engine.Observation
	for i, p := range c.servers {
		s, err := p.Observe(c.t.Context())
		if err != nil {
			c.t.Logf("db-%d: %v", i, err)
		}
		r := &engine.Report{Volume: engine.VolumeMember, Grant: engine.GrantJoin, Server: s}
		if i == 0 {
			r.Grant = engine.GrantForm
		}
		out.Members = append(out.Members, engine.MemberObservation{Name: "db-" + strconv.Itoa(i), Ordinal: i, Report: r})
	}
	return out
}

// do carries out a step as the manager and an agent would.
func (c *cluster) do(s engine.Step) error {
	c.t.Helper()
	s.Credentials = map[string]string{}
	for _, key := range s.Secrets {
		s.Credentials[key] = map[string]string{mongodb.CredentialAdmin: adminPassword, mongodb.CredentialAgent: agentPassword}[key]
	}
	begun := time.Now()
	err := c.servers[engine.OrdinalOf(s.Member)].Do(c.t.Context(), s)
	c.t.Logf("%-40s %6.2f s %v", fmt.Sprintf("%s of %s by %s", s.Kind, s.About(), s.Member), time.Since(begun).Seconds(), err)
	return err
}

// settle carries out what is planned, the first step first, until nothing is left
// and n members have their votes. It returns the kinds of the steps done.
func (c *cluster) settle(n int, more ...func(*engine.Desired)) (done []string) {
	c.t.Helper()
	want := wanted(n)
	for _, change := range more {
		change(&want)
	}
	c.eventually(func() string {
		have := c.observe()
		steps := mongodb.Engine{}.Plan(want, have)
		a := mongodb.Engine{}.Assess(have)
		if len(steps) > 0 {
			if c.do(steps[0]) == nil {
				done = append(done, fmt.Sprintf("%s %s", steps[0].Kind, steps[0].About()))
			}
			return fmt.Sprintf("there is left to do: %v", told(steps))
		}
		voters, healthy := a.Voters()
		if !a.Known || voters != n || healthy != n || len(a.Peers) != n {
			return fmt.Sprintf("want %d voters: %+v", n, a)
		}
		return ""
	})
	return done
}

// primary is the one that leads now.
func (c *cluster) primary() *process {
	c.t.Helper()
	var out *process
	c.eventually(func() string {
		a := mongodb.Engine{}.Assess(c.observe())
		if !a.Known {
			return a.Why
		}
		out = c.servers[engine.OrdinalOf(a.Leader)]
		return ""
	})
	return out
}

// see is what the server says now, which it can always tell: one election in the middle
// of a look is looked past. Where there may be more, Observe is asked again instead.
func (p *process) see() engine.Server {
	p.c.t.Helper()
	s, err := p.Observe(p.c.t.Context())
	p.c.must(err)
	return s
}

// asAdmin runs a command as the administrator.
func (p *process) asAdmin(into any, command bson.D) error {
	s, err := wire.Open(p.host(), wire.Login{User: mongodb.UserAdmin, Password: adminPassword, Database: mongodb.AdminDatabase})
	if err != nil {
		return err
	}
	defer s.Close(p.c.t.Context())
	ctx, cancel := context.WithTimeout(p.c.t.Context(), 20*time.Second)
	defer cancel()
	return s.Run(ctx, into, command)
}

// wanted are the first n members.
func wanted(n int) engine.Desired {
	var d engine.Desired
	for i := range n {
		d.Members = append(d.Members, "db-"+strconv.Itoa(i))
	}
	return d
}

// told writes steps as "Kind Subject by Member".
func told(steps []engine.Step) []string {
	out := []string{}
	for _, s := range steps {
		out = append(out, fmt.Sprintf("%s %s by %s", s.Kind, s.About(), s.Member))
	}
	return out
}

func kinds(done []string) string { return strings.Join(done, ", ") }
