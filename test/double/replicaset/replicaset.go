// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package replicaset has a test talk to a replica set of one member, whose server
// is the double of MongoDB's.
package replicaset

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Name is that of the set.
const Name = "rs"

// Start starts the server, which ends with the test, and returns the name by which
// the set knows it.
func Start(t *testing.T) (host string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "mongod")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/quorate/quorate/test/mongosim/cmd/mongod").CombinedOutput(); err != nil {
		t.Fatalf("build the double: %v\n%s", err, out)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host = listener.Addr().String()
	_, port, _ := net.SplitHostPort(host)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "--replSet", Name, "--dbpath", t.TempDir(), "--port", port)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	one, err := mongo.Connect(options.Client().SetHosts([]string{host}).SetDirect(true))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = one.Disconnect(t.Context()) }()
	initiate := bson.D{{Key: "replSetInitiate", Value: bson.D{
		{Key: "_id", Value: Name}, {Key: "members", Value: bson.A{bson.D{{Key: "_id", Value: 0}, {Key: "host", Value: host}}}},
	}}}
	if err := one.Database("admin").RunCommand(t.Context(), initiate).Err(); err != nil {
		t.Fatal(err)
	}
	return host
}

// Renamed is a dialer to a server that is known by another name where the test's
// subject comes from. All addresses lead to it.
type Renamed string

// DialContext connects to the server.
func (r Renamed) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, string(r))
}
