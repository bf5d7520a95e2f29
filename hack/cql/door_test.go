// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cql

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
)

func TestNamesHaveAddressesThatStandForThem(t *testing.T) {
	hosts, named := stand([]string{"db-0.db", "10.0.0.7", "fd00::1", "db-1.db"})
	if want := []string{"192.0.2.1", "10.0.0.7", "fd00::1", "192.0.2.4"}; !slices.Equal(hosts, want) {
		t.Errorf("hosts %q, want %q", hosts, want)
	}
	if want := map[string]string{"192.0.2.1": "db-0.db", "192.0.2.4": "db-1.db"}; !maps.Equal(named, want) {
		t.Errorf("names %q, want %q", named, want)
	}
}

// pipes answers to any address, and remembers the last.
type pipes struct{ asked string }

func (p *pipes) DialContext(_ context.Context, _, address string) (net.Conn, error) {
	if p.asked = address; strings.HasPrefix(address, "gone") {
		return nil, errors.New("nobody is there")
	}
	near, _ := net.Pipe()
	return near, nil
}

func TestNamesAreDialledAnew(t *testing.T) {
	p := &pipes{}
	r := reached{p, map[string]string{"192.0.2.1": "db-0.db"}}
	for address, want := range map[string]string{"192.0.2.1:9042": "db-0.db:9042", "10.0.0.7:9042": "10.0.0.7:9042"} {
		conn, err := r.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if p.asked != want {
			t.Errorf("%s: dialled %s, want %s", address, p.asked, want)
		}
		// The driver takes it for granted that this is an address of TCP.
		if far, ok := conn.RemoteAddr().(*net.TCPAddr); !ok || far.String() != address {
			t.Errorf("%s: the other end is %v", address, conn.RemoteAddr())
		}
	}
	r.named["192.0.2.1"] = "gone"
	for _, address := range []string{"192.0.2.1:9042", "10.0.0.7", "10.0.0.7:cql"} {
		if _, err := r.DialContext(t.Context(), "tcp", address); err == nil {
			t.Errorf("%s is reached", address)
		}
	}
}

func TestWhoAsks(t *testing.T) {
	for _, user := range []string{"", "admin"} {
		c := Door{Names: &pipes{}, Port: Port, User: user}.config(heartbeat, answer, []string{"db-0.db"})
		if (c.Authenticator != nil) != (user != "") {
			t.Errorf("as %q: it logs in with %v", user, c.Authenticator)
		}
	}
}
