// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/quorate/quorate/test/mongosim/await"
)

// TestMain lets the test's own program stand for mongod: tests start it again as a process that can be killed.
func TestMain(m *testing.M) {
	if v := os.Getenv("MONGOSIM_TEST_VERSION"); v != "" {
		version = v
		os.Exit(run(os.Args))
	}
	os.Exit(m.Run())
}

const patience = await.Patience

// process is one mongod.
type process struct {
	t       *testing.T
	folder  string
	port    int
	version string
	args    []string
	cmd     *exec.Cmd
	output  *output
	client  *mongo.Client
}

// output is what a process says, to be read while it speaks.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func newProcess(t *testing.T, args ...string) *process {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return &process{t: t, folder: t.TempDir(), port: port, version: "8.0.4", args: args}
}

func (p *process) address() string { return fmt.Sprintf("127.0.0.1:%d", p.port) }

func (p *process) start() *process {
	p.t.Helper()
	args := append([]string{"--dbpath", p.folder, "--port", fmt.Sprint(p.port)}, p.args...)
	p.cmd, p.output = exec.Command(os.Args[0], args...), &output{}
	p.cmd.Env = append(os.Environ(), "MONGOSIM_TEST_VERSION="+p.version, "GORACE=atexit_sleep_ms=0")
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	cmd := p.cmd
	p.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return p
}

// signal sends one and returns the process's exit code once it has ended.
func (p *process) signal(s syscall.Signal) int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
	return p.wait()
}

func (p *process) wait() int {
	_ = p.cmd.Wait() // the code tells.
	return p.cmd.ProcessState.ExitCode()
}

func connect(t *testing.T, uri string) *mongo.Client {
	t.Helper()
	c, err := mongo.Connect(options.Client().ApplyURI(uri).SetServerSelectionTimeout(patience).SetHeartbeatInterval(500 * time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Without the time to end its sessions: most servers are gone.
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = c.Disconnect(ctx)
	})
	return c
}

func (p *process) run(command bson.D) (bson.Raw, error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	return p.direct().Database("admin").RunCommand(ctx, command).Raw()
}

// direct is a client of this process alone, whatever becomes of it.
func (p *process) direct() *mongo.Client {
	p.t.Helper()
	if p.client == nil {
		p.client = connect(p.t, "mongodb://"+p.address()+"/?directConnection=true")
	}
	return p.client
}

func (p *process) must(command bson.D) bson.Raw {
	p.t.Helper()
	raw, err := p.run(command)
	if err != nil {
		p.t.Fatalf("%v: %v\n%s", command, err, p.output)
	}
	return raw
}

func (p *process) writable() error {
	hello, err := p.run(bson.D{{Key: "hello", Value: 1}})
	if err != nil {
		return err
	}
	if ok, _ := hello.Lookup("isWritablePrimary").BooleanOK(); !ok {
		return fmt.Errorf("%s is no primary: %s", p.address(), hello)
	}
	return nil
}

func initiate(t *testing.T, processes ...*process) {
	t.Helper()
	members := bson.A{}
	for i, p := range processes {
		members = append(members, bson.M{"_id": i, "host": p.address()})
	}
	processes[0].must(bson.D{{Key: "replSetInitiate", Value: bson.M{"_id": "rs", "members": members, "settings": bson.M{
		"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 100, "heartbeatTimeoutSecs": 1,
	}}}})
}

func TestVersionIsSaidAsTheServerSaysIt(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "--version")
	p.version = "7.0.14"
	p.start()
	if code := p.wait(); code != 0 || !strings.HasPrefix(p.output.String(), "db version v7.0.14\n") {
		t.Errorf("exit code %d: %s", code, p.output)
	}
}

func TestProcessesThatMustNotStart(t *testing.T) {
	t.Parallel()
	file := func(content string, mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, test := range map[string]struct {
		args string
		code int
		says string
	}{
		"unknown flag":      {"--shardsvr", exitUsage, "shardsvr"},
		"unknown key":       {"--config " + file("net: {prot: 1}\n", 0o600), exitUsage, "Unrecognized option: net.prot"},
		"unknown parameter": {"--setParameter nonsense=1", exitUncaught, "nonsense"},
		"open key file":     {"--keyFile " + file("c2VjcmV0", 0o640), exitError, "too open"},
		"short key":         {"--keyFile " + file("abc", 0o600), exitError, "between 6 and 1024"},
		"no folder":         {"--dbpath /does/not/exist", exitUncaught, "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t, strings.Fields(test.args)...).start()
			if code := p.wait(); code != test.code || !strings.Contains(p.output.String(), test.says) {
				t.Errorf("exit code %d, want %d: %s", code, test.code, p.output)
			}
		})
	}
}

func TestAFolderHasOneProcess(t *testing.T) {
	t.Parallel()
	p := newProcess(t).start()
	p.must(bson.D{{Key: "ping", Value: 1}})
	other := newProcess(t)
	other.folder = p.folder
	if code := other.start().wait(); code != exitUncaught || !strings.Contains(other.output.String(), "DBPathInUse") {
		t.Errorf("exit code %d: %s", code, other.output)
	}
	same := newProcess(t)
	same.port = p.port
	if code := same.start().wait(); code != exitNetwork {
		t.Errorf("on a port in use: exit code %d: %s", code, same.output)
	}
}

// TestBinariesAndData: a newer binary takes the data of the older, and the older takes it back until the feature
// compatibility version is raised.
func TestBinariesAndData(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "--replSet", "rs", "--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0")
	p.version = "7.0.14"
	p.start()
	initiate(t, p)
	await.Until(t, p.writable)
	for _, version := range []string{"8.0.4", "7.0.14", "8.0.4"} {
		if code := p.signal(syscall.SIGTERM); code != exitClean {
			t.Fatalf("exit code %d: %s", code, p.output)
		}
		p.version = version
		p.start()
		await.Until(t, p.writable)
	}
	p.must(bson.D{{Key: "setFeatureCompatibilityVersion", Value: "8.0"}, {Key: "confirm", Value: true}})
	p.signal(syscall.SIGTERM)
	p.version = "7.0.14"
	if code := p.start().wait(); code != exitNeedUpgrade {
		t.Errorf("under a raised version: exit code %d: %s", code, p.output)
	}
}

func TestDataTooOldIsRefused(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.version = "7.0.14"
	p.start()
	p.must(bson.D{{Key: "setFeatureCompatibilityVersion", Value: "6.0"}, {Key: "confirm", Value: true}})
	p.signal(syscall.SIGTERM)
	p.version = "8.0.4"
	if code := p.start().wait(); code != exitNeedUpgrade {
		t.Errorf("exit code %d: %s", code, p.output)
	}
}

// TestKilledAndFrozenProcesses has three real processes. A frozen primary is replaced and does not come back as one; a
// killed one loses nothing.
func TestKilledAndFrozenProcesses(t *testing.T) {
	t.Parallel()
	processes := make([]*process, 3)
	for i := range processes {
		processes[i] = newProcess(t, "--replSet", "rs").start()
		processes[i].must(bson.D{{Key: "ping", Value: 1}})
	}
	initiate(t, processes...)
	primary := func(among ...*process) (found *process) {
		await.Until(t, func() error {
			for _, p := range among {
				if p.writable() == nil {
					found = p
					return nil
				}
			}
			return errors.New("nobody is primary")
		})
		return found
	}
	others := func(of *process) (rest []*process) {
		for _, p := range processes {
			if p != of {
				rest = append(rest, p)
			}
		}
		return rest
	}
	first := primary(processes...)
	set := connect(t, fmt.Sprintf("mongodb://%s,%s,%s/?replicaSet=rs", processes[0].address(), processes[1].address(), processes[2].address()))
	numbers := set.Database("test").Collection("numbers")
	add := func(n int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if _, err := numbers.InsertOne(ctx, bson.D{{Key: "_id", Value: n}}); err != nil {
			t.Fatal(err)
		}
	}
	add(1)
	if err := first.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	second := primary(others(first)...)
	if err := first.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	await.Until(t, func() error {
		hello, err := first.run(bson.D{{Key: "hello", Value: 1}})
		if secondary, _ := hello.Lookup("secondary").BooleanOK(); err != nil || !secondary {
			return fmt.Errorf("the thawed member is no secondary: %s, %w", hello, err)
		}
		return nil
	})
	add(2)
	second.signal(syscall.SIGKILL)
	primary(others(second)...)
	add(3)
	second.start()
	await.Until(t, func() error {
		for _, p := range processes {
			n, err := p.direct().Database("test").Collection("numbers").CountDocuments(t.Context(), bson.D{})
			if err != nil || n != 3 {
				return fmt.Errorf("%s has %d documents, %w", p.address(), n, err)
			}
		}
		return nil
	})
	if !strings.Contains(second.output.String(), "unclean shutdown") {
		t.Errorf("the killed process does not say so: %s", second.output)
	}
}
