// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cql connects Cassandra's own Go driver to servers that only a cluster knows:
// demo, benchmarks and end-to-end tests use a ring from outside of it.
package cql

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"github.com/quorate/quorate/hack/dial"
)

const (
	// Port is that of CQL.
	Port = 9042
	// heartbeat bounds the opening of a connection, and is how often one to a server
	// that was down is tried again; the driver's own defaults are 11 s and a minute.
	heartbeat = 3 * time.Second
	// answer bounds one try of a request: more than the 2 s that a server itself waits
	// for others to write.
	answer = 5 * time.Second
	// alone is the same for who asks one server, which may have just started.
	alone = 10 * time.Second
	// tries is how often a request is sent at most, each time to another member.
	tries = 3
)

// Door is how servers are reached, and who asks. Where User is empty there is no access
// control.
type Door struct {
	Names          dial.Dialer
	Port           int
	User, Password string
}

// Ring connects to all members of a ring, of which some points are named: addresses, or
// names that are looked up anew whenever a connection is opened. What is asked for is
// to be idempotent, and is asked of another member where one does not answer; a
// majority of the replicas has to take part.
//
// A point must be one member's. Of a Service of several the driver takes each connection
// for one to the member that answered first.
func (d Door) Ring(points ...string) (*gocql.Session, error) {
	c := d.config(heartbeat, answer, points)
	c.ReconnectInterval, c.DefaultIdempotence = heartbeat, true
	c.RetryPolicy = &gocql.SimpleRetryPolicy{NumRetries: tries - 1}
	return d.open(c, points)
}

// Alone connects to one server, and to no other that it tells of.
func (d Door) Alone(point string) (*gocql.Session, error) {
	c := d.config(alone, alone, []string{point})
	c.NumConns, c.DisableInitialHostLookup, c.IgnorePeerAddr = 1, true, true
	c.Events.DisableNodeStatusEvents, c.Events.DisableTopologyEvents, c.Events.DisableSchemaEvents = true, true, true
	return d.open(c, []string{point})
}

func (d Door) config(connect, answer time.Duration, points []string) *gocql.ClusterConfig {
	hosts, named := stand(points)
	c := gocql.NewCluster(hosts...)
	c.Port, c.Dialer = d.Port, reached{d.Names, named}
	c.Consistency, c.ConnectTimeout, c.Timeout = gocql.Quorum, connect, answer
	c.Logger = gocql.NewLogger(gocql.LogLevelNone)
	if d.User != "" {
		c.Authenticator = gocql.PasswordAuthenticator{Username: d.User, Password: d.Password}
	}
	return c
}

func (d Door) open(c *gocql.ClusterConfig, points []string) (*gocql.Session, error) {
	s, err := c.CreateSession()
	if err != nil {
		return nil, fmt.Errorf("connect to %v as %q: %w", points, d.User, err)
	}
	return s, nil
}

// stand gives each name an address that nobody has, from the block for documentation,
// since the driver looks names up by itself where they are not known. Addresses are kept.
func stand(points []string) (hosts []string, named map[string]string) {
	named = map[string]string{}
	for i, point := range points {
		if net.ParseIP(point) == nil {
			address := net.IPv4(192, 0, 2, byte(i+1)).String()
			named[address], point = point, address
		}
		hosts = append(hosts, point)
	}
	return hosts, named
}

// reached dials names in the place of the addresses that stand for them.
type reached struct {
	dial.Dialer
	named map[string]string
}

// DialContext implements dial.Dialer.
func (r reached) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	far := &net.TCPAddr{IP: net.ParseIP(host)}
	if far.Port, err = strconv.Atoi(port); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	if name, ok := r.named[host]; ok {
		host = name
	}
	conn, err := r.Dialer.DialContext(ctx, network, net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", host, err)
	}
	return located{conn, far}, nil
}

// located is a connection whose other end the driver can ask for, also where it goes by
// way of a command and has none.
type located struct {
	net.Conn
	far *net.TCPAddr
}

// RemoteAddr implements net.Conn.
func (l located) RemoteAddr() net.Addr { return l.far }
