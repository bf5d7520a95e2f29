// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongosim_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/quorate/quorate/test/mongosim/await"
	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/release"
	"github.com/quorate/quorate/test/mongosim/server"
	"github.com/quorate/quorate/test/mongosim/wire"
)

// The timing of sets in tests: short, and long enough for a busy machine.
const (
	electionTimeout = 1000
	heartbeats      = 100
	patience        = await.Patience
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
		Parameters: map[string]string{server.ShutdownTimeout: "0", server.Iterations: "5000"},
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
	h.mu.Lock()
	defer h.mu.Unlock()
	h.server = s
	if strings.HasSuffix(h.address, ":0") {
		h.address = s.Address() // for good.
	}
	return nil
}

// kill ends the server as a crash would.
func (h *host) kill() {
	h.mu.Lock()
	s := h.server
	h.server = nil
	h.mu.Unlock()
	if s != nil {
		s.Close()
	}
	clear(h.clients) // their connections are gone, which commands would find out one by one.
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
	await.Until(t, func() error {
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

// uri is that of a whole set.
func uri(hosts []*host, user ...string) string {
	addresses := make([]string, len(hosts))
	for i, h := range hosts {
		addresses[i] = h.address
	}
	return fmt.Sprintf("mongodb://%s%s/?replicaSet=rs", userinfo(user), strings.Join(addresses, ","))
}

// talker is a member that takes part in nothing: it says that it is a secondary, and never has a configuration.
func talker(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	answer, err := bson.Marshal(bson.D{{Key: "ok", Value: 1.0}, {Key: "set", Value: "rs"}, {Key: "state", Value: int32(2)}})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				for {
					m, err := wire.Read(conn)
					if err != nil {
						return
					}
					if !m.MoreToCome && (&wire.Message{ReplyTo: m.ID, Body: answer}).Write(conn) != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// listenOnly is the address of something that takes connections and never answers.
func listenOnly(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// rawCommand runs a command as it is, without what the driver adds, and gives the driver's error for the answer.
func rawCommand(t *testing.T, address, db string, command bson.D) (bson.Raw, error) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	body, err := bson.Marshal(append(slices.Clone(command), bson.E{Key: "$db", Value: db}))
	if err != nil {
		t.Fatal(err)
	}
	if err := (&wire.Message{ID: 1, Body: body}).Write(conn); err != nil {
		t.Fatal(err)
	}
	reply, err := wire.Read(conn)
	if err != nil {
		t.Fatal(err)
	}
	var failed struct {
		OK     float64  `bson:"ok"`
		Code   int32    `bson:"code"`
		Name   string   `bson:"codeName"`
		Text   string   `bson:"errmsg"`
		Labels []string `bson:"errorLabels"`
	}
	if err := bson.Unmarshal(reply.Body, &failed); err != nil {
		t.Fatal(err)
	}
	if failed.OK == 1 {
		return reply.Body, nil
	}
	return nil, mongo.CommandError{Code: failed.Code, Name: failed.Name, Message: failed.Text, Labels: failed.Labels}
}
