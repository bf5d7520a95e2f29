// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/attend"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/cassandra"
)

// Asker has nodetool carried out with these arguments.
type Asker interface {
	// Ask says how that ended, or attend.ErrRunning. What was done for another purpose
	// with the same arguments is no answer.
	Ask(ctx context.Context, purpose string, arguments ...string) (string, error)
	// Runs tells whether it is being carried out with this first argument.
	Runs(ctx context.Context, word string) (bool, error)
}

// place is where the server is.
type place struct {
	address     string
	native, jmx int
}

// local is the agent's half. It talks to its own server alone.
type local struct {
	config engine.LocalConfig
	place  place
	tool   Asker

	mu      sync.Mutex
	session *gocql.Session
	who     login
	hearts  map[string]heart
	measure measure
}

var _ engine.Local = (*local)(nil)

// NewLocal returns the agent's half for the server on localhost, and listens for the
// attendant beside that.
func NewLocal(config engine.LocalConfig) (engine.Local, error) {
	desk, err := attend.Listen(filepath.Join(config.RunDir, cassandra.AttendSocket))
	if err != nil {
		return nil, fmt.Errorf("making the agent's half of %s: %w", config.Member, err)
	}
	return newLocal(config, place{address: "127.0.0.1", native: cassandra.PortNative, jmx: cassandra.PortJMX}, desk), nil
}

func newLocal(config engine.LocalConfig, p place, tool Asker) *local {
	return &local{config: config, place: p, tool: tool, hearts: map[string]heart{}}
}

// Release writes what the server reads, with the seeds that its grant allows.
func (l *local) Release(m engine.Marker) error {
	shared, err := os.ReadFile(filepath.Join(l.config.ConfigDir, cassandra.ServerFile))
	if err != nil {
		return fmt.Errorf("reading the shared settings: %w", err)
	}
	member, err := os.ReadFile(filepath.Join(l.config.ConfigDir, cassandra.MemberFile))
	if err != nil {
		return fmt.Errorf("reading the member's own settings: %w", err)
	}
	text, err := cassandra.Compose(shared, member, m)
	if err != nil {
		return fmt.Errorf("writing the settings of %s: %w", l.config.Member, err)
	}
	if err := atomicfile.Write(filepath.Join(l.config.ConfigDir, cassandra.ReleaseFile), text, 0o440); err != nil {
		return fmt.Errorf("writing the settings of %s: %w", l.config.Member, err)
	}
	return nil
}

// agent is the login of the agent's own role.
func (l *local) agent() login {
	return login{cassandra.RoleAgent, readText(filepath.Join(l.config.SecretDir, cassandra.CredentialAgent))}
}

// own returns the session of the agent's role, and whether it was opened just now. It
// is kept until it fails.
func (l *local) own() (s *gocql.Session, opened bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	who := l.agent()
	if l.session != nil && l.who == who {
		return l.session, false, nil
	}
	l.drop()
	s, err = open(l.place.address, l.place.native, who)
	if err == nil {
		l.session, l.who = s, who
	}
	return s, true, err
}

func (l *local) drop() {
	if l.session != nil {
		l.session.Close()
		l.session = nil
	}
}

// forget drops the session after it failed.
func (l *local) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
}

// Drain has the server write out what it has in memory and take no more. A server that
// ends does so by itself; this is before the others notice that it goes. It is waited
// for until ctx ends, since starting the tool alone can take seconds.
func (l *local) Drain(ctx context.Context) error {
	if !listens(ctx, l.place.address, l.place.native) {
		return nil
	}
	_, err := l.tool.Ask(ctx, "", "drain")
	for errors.Is(err, attend.ErrRunning) && ctx.Err() == nil {
		_, err = l.tool.Ask(ctx, "", "drain")
	}
	if err != nil {
		return fmt.Errorf("draining %s: %w", l.config.Member, err)
	}
	return nil
}

func readText(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return "" // not there (yet): the caller knows what that means
	}
	return strings.TrimSpace(string(content))
}
