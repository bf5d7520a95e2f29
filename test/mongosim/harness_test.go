// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongosim_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/release"
	"github.com/quorate/quorate/test/mongosim/server"
)

// The timing of sets in tests: short, and long enough for a busy machine.
const (
	electionTimeout = 1000
	heartbeats      = 100
	patience        = 30 * time.Second
)

// host is one server and its disk, which outlives it.
type host struct {
	t       *testing.T
	options server.Options
	address string
	server  *server.Server

	clients map[string]*mongo.Client

	mu      sync.Mutex
	blocked map[string]bool
}

type option func(*server.Options)

func withVersion(v string) option {
	return func(o *server.Options) {
		rel, err := release.Of(v)
		if err != nil {
			panic(err)
		}
		o.Release = rel
	}
}

func withKeys(keys ...string) option  { return func(o *server.Options) { o.Keys = keys } }
func withSetName(name string) option  { return func(o *server.Options) { o.SetName = name } }
func withParam(name, v string) option { return func(o *server.Options) { o.Parameters[name] = v } }

// start starts a server on an empty disk.
func start(t *testing.T, opts ...option) *host {
	t.Helper()
	h := &host{t: t, blocked: map[string]bool{}, clients: map[string]*mongo.Client{}}
	h.options = server.Options{
		SetName: "rs", Folder: t.TempDir(), Quit: func() {}, NoSync: true,
		Fatal:      func(err error) { t.Errorf("fatal: %v", err) },
		Parameters: map[string]string{server.ShutdownTimeout: "0", server.Iterations: "100"},
		Blocked: func(to string) bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.blocked[to]
		},
	}
	withVersion("8.0.4")(&h.options)
	for _, o := range opts {
		o(&h.options)
	}
	h.options.Logf = func(format string, args ...any) {
		if os.Getenv("MONGOSIM_LOG") != "" {
			fmt.Printf("%s %s: %s\n", time.Now().Format("05.000"), h.address, fmt.Sprintf(format, args...))
		}
	}
	h.address = "127.0.0.1:0"
	h.run()
	t.Cleanup(h.kill)
	return h
}

// run starts the server on the disk that is there.
func (h *host) run() {
	h.t.Helper()
	if err := h.tryRun(); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) tryRun() error {
	s, err := server.Open(h.options)
	if err != nil {
		return err
	}
	if err := s.Listen(h.address); err != nil {
		s.Close()
		return err
	}
	h.server, h.address = s, s.Address()
	return nil
}

// kill ends the server as a crash would.
func (h *host) kill() {
	if h.server != nil {
		h.server.Close()
		h.server = nil
	}
}

// wipe takes the disk of a server that was killed.
func (h *host) wipe() {
	h.t.Helper()
	entries, err := filepath.Glob(filepath.Join(h.options.Folder, "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(e); err != nil {
			h.t.Fatal(err)
		}
	}
}

// cut and heal are the network between two, in both directions.
func cut(a, b *host)  { setBlocked(a, b, true) }
func heal(a, b *host) { setBlocked(a, b, false) }

func setBlocked(a, b *host, blocked bool) {
	for _, pair := range [][2]*host{{a, b}, {b, a}} {
		pair[0].mu.Lock()
		pair[0].blocked[pair[1].address] = blocked
		pair[0].mu.Unlock()
	}
}

// client is the official driver, on this server alone.
func (h *host) client(user ...string) *mongo.Client {
	h.t.Helper()
	u := fmt.Sprintf("mongodb://%s%s/?directConnection=true", userinfo(user), h.address)
	if h.clients[u] == nil {
		h.clients[u] = connect(h.t, u)
	}
	return h.clients[u]
}

func userinfo(user []string) string {
	if len(user) == 0 {
		return ""
	}
	return strings.Join(user, ":") + "@"
}

func connect(t *testing.T, uri string) *mongo.Client {
	t.Helper()
	c, err := mongo.Connect(options.Client().ApplyURI(uri).SetServerSelectionTimeout(patience).
		SetConnectTimeout(5 * time.Second).SetHeartbeatInterval(500 * time.Millisecond))
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

// admin runs a command on the server's admin database.
func (h *host) admin(command bson.D, user ...string) (bson.Raw, error) {
	h.t.Helper()
	return run(h.t, h.client(user...), command)
}

func run(t *testing.T, c *mongo.Client, command bson.D) (bson.Raw, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return c.Database("admin").RunCommand(ctx, command).Raw()
}

func must(t *testing.T) func(bson.Raw, error) bson.Raw {
	return func(raw bson.Raw, err error) bson.Raw {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
}

// wantCode fails unless the driver reports the code.
func wantCode(t *testing.T, err error, want code.Code) {
	t.Helper()
	var got mongo.ServerError
	if !errors.As(err, &got) || !got.HasErrorCode(int(want)) {
		t.Errorf("got %v, want code %d %s", err, want, want)
	}
}

// config is a configuration document of hosts.
func config(hosts ...*host) bson.M {
	members := bson.A{}
	for i, h := range hosts {
		members = append(members, bson.M{"_id": i, "host": h.address})
	}
	return bson.M{"_id": "rs", "version": 1, "members": members, "settings": bson.M{
		"electionTimeoutMillis": electionTimeout, "heartbeatIntervalMillis": heartbeats, "heartbeatTimeoutSecs": 1,
	}}
}

// form makes a set of hosts, initiated on the first, and waits until all are in their states.
func form(t *testing.T, n int, opts ...option) []*host {
	t.Helper()
	hosts := make([]*host, n)
	for i := range hosts {
		hosts[i] = start(t, opts...)
	}
	must(t)(hosts[0].admin(bson.D{{Key: "replSetInitiate", Value: config(hosts...)}}))
	settled(t, hosts...)
	return hosts
}

// settled waits until one of the hosts is primary and all others are secondaries, and returns the primary.
func settled(t *testing.T, hosts ...*host) *host {
	t.Helper()
	var primary *host
	eventually(t, func() error {
		primary = nil
		for _, h := range hosts {
			hello, err := h.admin(bson.D{{Key: "hello", Value: 1}})
			if err != nil {
				return err
			}
			if writable, _ := hello.Lookup("isWritablePrimary").BooleanOK(); writable {
				primary = h
			} else if secondary, _ := hello.Lookup("secondary").BooleanOK(); !secondary {
				return fmt.Errorf("%s is neither: %s", h.address, hello)
			}
		}
		if primary == nil {
			return errors.New("nobody is primary")
		}
		return nil
	})
	return primary
}

// eventually waits for a condition that only time can bring about.
func eventually(t *testing.T, condition func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// uri is that of a whole set.
func uri(hosts []*host, user ...string) string {
	addresses := make([]string, len(hosts))
	for i, h := range hosts {
		addresses[i] = h.address
	}
	return fmt.Sprintf("mongodb://%s%s/?replicaSet=rs", userinfo(user), strings.Join(addresses, ","))
}
