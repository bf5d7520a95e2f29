// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package server answers clients: it listens, knows who is logged in, and runs commands. What a command needs of the
// set it asks of package replication; what it needs of the documents, of package store.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/auth"
	"github.com/quorate/quorate/test/mongosim/peer"
	"github.com/quorate/quorate/test/mongosim/release"
	"github.com/quorate/quorate/test/mongosim/replication"
	"github.com/quorate/quorate/test/mongosim/store"
)

// Options are what a server is started with.
type Options struct {
	Release release.Release
	// SetName is empty for a server that is not in a set.
	SetName string
	Folder  string
	// Keys are those of the key file.
	Keys []string
	// Authorization asks clients for a log-in; keys do too.
	Authorization bool
	Parameters    map[string]string
	// Arguments and Parsed are shown by getCmdLineOpts.
	Arguments []string
	Parsed    bson.D
	Logf      func(format string, args ...any)
	Fatal     func(error)
	// Quit is called when a client asked for the end of the process.
	Quit func()
	// Blocked cuts the way to a member, for a fault.
	Blocked func(host string) bool
	// NoSync does without writing through to the disk, for tests that do not cut the power.
	NoSync bool
}

// VersionError says that the data is of a version that the binary does not take.
type VersionError struct{ Data, Binary string }

// Error names both.
func (e *VersionError) Error() string {
	return fmt.Sprintf("Wrong mongod version: UPGRADE PROBLEM: found an invalid featureCompatibilityVersion document: the data has %s, which the binary %s does not start on", e.Data, e.Binary)
}

// Server is one running server.
type Server struct {
	options    Options
	parameters *parameters
	keys       *auth.Keyring
	store      *store.Store
	node       *replication.Node // nil without a set.
	transport  *peer.Transport
	instance   bson.ObjectID
	started    time.Time
	cursors    cursors
	lastConn   atomic.Int64

	alive context.Context
	end   context.CancelFunc

	mu       sync.Mutex
	listener []net.Listener
	port     string
	conns    map[net.Conn]bool
	closed   bool
	work     sync.WaitGroup
}

// Open makes a server of the data in its folder. Nobody is listened to yet.
func Open(options Options) (*Server, error) {
	s := &Server{
		options: options, keys: &auth.Keyring{Keys: options.Keys}, instance: bson.NewObjectID(), started: time.Now(),
		conns: map[net.Conn]bool{},
	}
	var err error
	if s.parameters, err = newParameters(options.Parameters); err != nil {
		return nil, err
	}
	if s.options.Blocked == nil {
		s.options.Blocked = func(string) bool { return false }
	}
	if s.store, err = store.Open(options.Folder, options.NoSync); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, s.store.Close())
	}
	s.alive, s.end = context.WithCancel(context.Background())
	return s, nil
}

func (s *Server) prepare() error {
	fcv, err := s.store.FCV()
	if err != nil {
		return err
	}
	if !s.options.Release.Takes(fcv) {
		return &VersionError{Data: fcv, Binary: s.options.Release.Version}
	}
	if s.options.SetName == "" {
		return s.alone(fcv)
	}
	s.transport = peer.New(s.keys, s.parameters.peerDelay, s.options.Blocked)
	s.node, err = replication.New(replication.Options{
		SetName: s.options.SetName, Store: s.store, Transport: s.transport, Self: s.isSelf,
		LatestFCV: s.options.Release.FCV, AcceptedFCV: s.options.Release.Accepts,
		Logf: s.options.Logf, Fatal: s.options.Fatal, SyncRate: s.parameters.syncRate, LogEntries: s.parameters.logEntries(),
	})
	return err
}

// alone gives a server without a set what initiating gives one with.
func (s *Server) alone(fcv string) error {
	if fcv != "" {
		return nil
	}
	op, err := store.SetFCV(s.options.Release.FCV)
	if err != nil {
		return err
	}
	_, err = s.store.Apply(op)
	return err
}

// Listen listens on the addresses, which share a port, and starts to take part in the set. It returns at once.
func (s *Server) Listen(addresses ...string) error {
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("listening on %s: %w", address, err)
		}
		s.mu.Lock()
		s.listener = append(s.listener, listener)
		_, s.port, _ = net.SplitHostPort(listener.Addr().String())
		s.mu.Unlock()
		s.work.Go(func() { s.accept(listener) })
	}
	if s.node != nil {
		s.node.Start()
	}
	return nil
}

// Address is where the server listens, its first address.
func (s *Server) Address() string { return s.listener[0].Addr().String() }

func (s *Server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			_ = conn.Close()
		} else {
			s.conns[conn] = true
			s.work.Go(func() { s.serve(conn) })
		}
		s.mu.Unlock()
	}
}

// Shutdown stops as the signal to terminate does: a primary hands over, clients are told, and what runs may end.
func (s *Server) Shutdown() {
	if s.node != nil {
		limit := s.parameters.shutdownTimeout()
		deadline := time.Now().Add(limit)
		s.node.HandOver(s.alive, limit)
		s.node.Quiesce()
		select {
		case <-s.alive.Done():
		case <-time.After(time.Until(deadline)):
		}
	}
	s.Close()
}

// Close stops at once, as a crash would.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.end()
	for _, listener := range s.listener {
		_ = listener.Close()
	}
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	if s.node != nil {
		s.node.Stop()
		s.transport.Close()
	}
	s.work.Wait()
	if err := s.store.Close(); err != nil {
		s.options.Logf("closing the data: %v", err)
	}
}

// isSelf reports whether a host is surely this process: its port, at an address of this machine.
func (s *Server) isSelf(host string) bool {
	name, port, err := net.SplitHostPort(host)
	s.mu.Lock()
	own := s.port
	s.mu.Unlock()
	if err != nil || port != own {
		return false
	}
	ctx, cancel := context.WithTimeout(s.alive, time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupIPAddr(ctx, name)
	if err != nil {
		return false
	}
	local, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, f := range found {
		for _, l := range local {
			if ipNet, ok := l.(*net.IPNet); ok && ipNet.IP.Equal(f.IP) {
				return true
			}
		}
	}
	return false
}

// Look is what the server knows of its set, which it must be in.
func (s *Server) Look() replication.Snapshot { return s.node.Look() }
