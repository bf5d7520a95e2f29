// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/test/double/replicaset"
)

func TestAMongoDBServerIsAsked(t *testing.T) {
	host := replicaset.Start(t)
	p := NewMongoDB("mongodb://db-0.db:27017/?replicaSet="+replicaset.Name, replicaset.Renamed(host))
	defer p.Close(context.Background())
	m := Member{Name: "db-0", UID: "uid", Container: "c", Addresses: []string{"10.0.0.1"}, Running: true}
	var got Heard
	for begin := time.Now(); got.Peers == nil; got = p.Ask(t.Context(), m) {
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("it never leads: %+v", got)
		}
	}
	if !got.Answer.Alive || got.Answer.Leader != host || got.ID != "0" {
		t.Errorf("it says of itself %+v", got)
	}
	if want := (Peer{ID: "0", Address: host, Leader: true, Voter: true}); len(got.Peers) != 1 || got.Peers[0] != want {
		t.Errorf("the members are %+v", got.Peers)
	}
	if h := got.Health; len(h) != 1 || h[0].ID != "0" || !h[0].Healthy {
		t.Errorf("their health is %+v", h)
	}
	if !strings.HasPrefix(p.versions["db-0"], "8.") || p.versions["c"] != p.versions["db-0"] {
		t.Errorf("the versions are %v", p.versions)
	}
	gone := NewMongoDB("mongodb://db-0.db:27017/?replicaSet=rs", nowhere{})
	defer gone.Close(context.Background())
	if got := gone.Ask(t.Context(), m); got.Answer.Alive || got.Peers != nil {
		t.Errorf("one that is not there says %+v", got)
	}
}

// nowhere is a network without anybody.
type nowhere struct{}

func (nowhere) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("there is nobody")
}

func TestMembersAreKnownByAddressOrName(t *testing.T) {
	m := Member{Name: "db-1", Addresses: []string{"10.0.0.1"}}
	for address, want := range map[string]bool{
		"10.0.0.1:27017": true, "db-1.db.ns.svc.cluster.local:27017": true, "db-1.db:27017": true, "db-1:27017": true,
		"10.0.0.2:27017": false, "db-10.db:27017": false, "db-1.db": false,
	} {
		if m.is(address) != want {
			t.Errorf("%s: %t", address, !want)
		}
	}
}
