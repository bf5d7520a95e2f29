// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

// login is who talks to the server.
type login struct{ user, password string }

// The superuser that a new ring comes with; everybody knows its password.
var initialLogin = login{"cassandra", "cassandra"}

const (
	dialTimeout  = 2 * time.Second
	queryTimeout = 8 * time.Second
)

// open connects to the one server, and to no other that it tells of.
func open(address string, port int, who login) (*gocql.Session, error) {
	cluster := gocql.NewCluster(address)
	cluster.Port, cluster.ProtoVersion, cluster.NumConns = port, 5, 1
	cluster.Authenticator = gocql.PasswordAuthenticator{Username: who.user, Password: who.password}
	cluster.DisableInitialHostLookup, cluster.IgnorePeerAddr = true, true
	cluster.Events.DisableNodeStatusEvents, cluster.Events.DisableTopologyEvents, cluster.Events.DisableSchemaEvents = true, true, true
	cluster.ConnectTimeout, cluster.Timeout = dialTimeout, queryTimeout
	cluster.Consistency, cluster.ReconnectInterval = gocql.One, 0
	cluster.Logger = gocql.NewLogger(gocql.LogLevelNone)
	s, err := cluster.CreateSession()
	if err != nil {
		return nil, fmt.Errorf("connecting to %s as %q: %w", address, who.user, err)
	}
	return s, nil
}

// listens tells whether anything accepts connections.
func listens(ctx context.Context, address string, port int) bool {
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was sent
	return true
}

// refused tells whether it is known that nobody listens: one that does not answer in time may.
func refused(ctx context.Context, address string, port int) bool {
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err == nil {
		_ = conn.Close() // nothing was sent
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// run carries out a statement.
func run(ctx context.Context, s *gocql.Session, statement string) error {
	if err := s.Query(statement).ExecContext(ctx); err != nil {
		return err //nolint:wrapcheck // the caller says what was being done; the statement may hold a password
	}
	return nil
}
