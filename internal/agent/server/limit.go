// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net"
	"sync"
)

// maxConnections that stand at one time: each costs memory before the caller
// has shown who it is. A manager has one or two, a kubelet as many.
const maxConnections = 64

// limited hands out no more than a number of connections at a time; further
// callers wait in the kernel's queue.
type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func limit(l net.Listener, n int) net.Listener {
	return &limited{Listener: l, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

// Accept waits for a slot, then for a caller.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err //nolint:wrapcheck // the server looks at what kind it is
	}
	return &slotted{Conn: conn, free: sync.OnceFunc(func() { <-l.slots })}, nil
}

// Close ends Accept too where it waits for a slot.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close() //nolint:wrapcheck // this is the listener
}

type slotted struct {
	net.Conn
	free func()
}

// Close gives the slot back.
func (c *slotted) Close() error {
	defer c.free()
	return c.Conn.Close() //nolint:wrapcheck // this is the connection
}
