// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// server starts the double of MongoDB's server as a set of one, and returns its
// address.
func server(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "mongod")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/quorate/quorate/test/mongosim/cmd/mongod").CombinedOutput(); err != nil {
		t.Fatalf("build the double: %v\n%s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := listener.Addr().String()
	_, port, _ := net.SplitHostPort(host)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--replSet", "rs", "--dbpath", t.TempDir(), "--port", port)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	one, err := mongo.Connect(options.Client().SetHosts([]string{host}).SetDirect(true))
	if err != nil {
		t.Fatal(err)
	}
	initiate := bson.D{{Key: "replSetInitiate", Value: bson.D{
		{Key: "_id", Value: "rs"}, {Key: "members", Value: bson.A{bson.D{{Key: "_id", Value: 0}, {Key: "host", Value: host}}}},
	}}}
	if err := one.Database("admin").RunCommand(t.Context(), initiate).Err(); err != nil {
		t.Fatal(err)
	}
	_ = one.Disconnect(t.Context())
	return host
}

// renamed is a cluster whose names this machine does not know.
type renamed struct{ host string }

func (r renamed) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if address == "db-client.ns.svc:27017" {
		address = r.host
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

func TestDocuments(t *testing.T) {
	host := server(t)
	d, err := NewDocuments("mongodb://db-client.ns.svc:27017/?replicaSet=rs", renamed{host}, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close(context.Background()) }()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.Run(ctx)
	}()
	for Count(d.Writes()).Acknowledged < 20 {
		select {
		case <-ended:
			t.Fatal("it ended by itself")
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("nothing is acknowledged")
		}
	}
	stop()
	<-ended
	writes := d.Writes()
	stored, err := d.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c := Count(writes); c.Failed != 0 || c.Acknowledged != len(stored) {
		t.Errorf("%+v of %d are stored", c, len(stored))
	}
	if lost := Lost(writes, stored); lost != nil {
		t.Errorf("lost: %v", lost)
	}
	// The key of a write is its own: what was written is not written over.
	d.write(t.Context(), 0)
	if last := d.Writes()[len(writes)]; !last.Acked.IsZero() || last.Error == "" {
		t.Errorf("the first key was written again: %+v", last)
	}
	if _, err := NewDocuments(fmt.Sprintf("http://%s", host), renamed{}, 0); err == nil {
		t.Error("an address of something else is taken")
	}
}
