// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"sync"
)

// maxConnections that stand at one time: each costs memory before the caller
// has shown who it is. A manager has one or two, a kubelet as many.
const maxConnections = 64

// crowd bounds how many connections stand. A newcomer is always let in, and the
// oldest has to go: rather one that has asked for nothing yet, which over TLS
// is one that has not shown who it is. If callers beyond the bound had to wait
// instead, whoever opens connections and says nothing would keep the kubelet
// and the manager out.
type crowd struct {
	net.Listener
	most int

	mu       sync.Mutex
	standing []*caller // by age, the oldest first
}

// caller is one connection.
type caller struct {
	net.Conn
	crowd *crowd
	// asked is set once a request has begun.
	asked bool
}

func newCrowd(l net.Listener, most int) *crowd { return &crowd{Listener: l, most: most} }

// Accept makes room for a newcomer.
func (c *crowd) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // the server looks at what kind it is
	}
	newcomer := &caller{Conn: conn, crowd: c}
	if leaves := c.admit(newcomer); leaves != nil {
		_ = leaves.Conn.Close() // its server finds out and ends
	}
	return newcomer, nil
}

// admit adds a newcomer and returns who has to go for it, if anybody.
func (c *crowd) admit(newcomer *caller) *caller {
	c.mu.Lock()
	defer c.mu.Unlock()
	var leaves *caller
	if len(c.standing) >= c.most {
		i := max(0, slices.IndexFunc(c.standing, func(s *caller) bool { return !s.asked }))
		leaves = c.standing[i]
		c.standing = slices.Delete(c.standing, i, i+1)
	}
	c.standing = append(c.standing, newcomer)
	return leaves
}

// note is an http.Server's ConnState: it learns who has begun a request.
func (c *crowd) note(conn net.Conn, state http.ConnState) {
	if state != http.StateActive {
		return
	}
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	if from, ok := conn.(*caller); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		from.asked = true
	}
}

// Close gives the place back.
func (c *caller) Close() error {
	c.crowd.leave(c)
	return c.Conn.Close() //nolint:wrapcheck // this is the connection
}

func (c *crowd) leave(gone *caller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.standing = slices.DeleteFunc(c.standing, func(s *caller) bool { return s == gone })
}
