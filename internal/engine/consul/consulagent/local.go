// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/keyring"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

// callTimeout bounds one call to the server; a leave is the only longer one.
const callTimeout = 10 * time.Second

// local is the agent's half. It talks to its own server; a call that only the
// leader can answer is passed on by the server.
type local struct {
	config engine.LocalConfig
	base   string // of the server's HTTP interface
	keys   *keyring.File
	http   *http.Client

	mu       sync.Mutex
	caughtUp bool // since the server answers
	// marker is the one that the server was released with.
	marker engine.Marker
	// knocks are when addresses may be tried next, see rejoin.
	knocks map[string]time.Time
}

var _ engine.Local = (*local)(nil)

// NewLocal returns the agent's half for the server on localhost.
func NewLocal(config engine.LocalConfig) (engine.Local, error) {
	return newLocal(config, "http://"+net.JoinHostPort("127.0.0.1", strconv.Itoa(consul.PortHTTP))), nil
}

func newLocal(config engine.LocalConfig, base string) *local {
	return &local{config: config, base: base, keys: keyring.New(config.DataDir, config.SecretDir), http: &http.Client{
		// No proxy from the environment: it is always this very pod.
		Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute},
	}}
}

// Observe reads the server's own state; only a leader also reads the
// membership. A server that accepts no token yet is described by what the
// status calls say.
func (l *local) Observe(ctx context.Context) (engine.Server, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out := engine.Server{ID: l.storedID(), Keys: l.keys.Hashes()}
	client, err := l.client()
	if err != nil {
		return out, err
	}
	q := wire.Query(ctx)
	leader, err := client.Status().LeaderWithQueryOptions(q)
	if err != nil {
		l.setCaughtUp(false)
		// A server that does not answer is not running, and may have died writing.
		if err := l.keys.Mend(); err != nil && !errors.Is(err, keyring.ErrUnsettled) {
			return out, err
		}
		return out, nil
	}
	peers, err := client.Status().PeersWithQueryOptions(q)
	if err != nil {
		return out, fmt.Errorf("reading the peers from the server: %w", err)
	}
	address := l.advertised()
	out.Running, out.Formed = true, len(peers) > 0
	out.Leader = address != "" && leader == address
	out.Facts = map[string]string{consul.FactACL: consul.ACLPending}
	if !out.Formed {
		return out, nil // it holds nothing yet, no token either
	}
	self, err := wire.ReadSelf(client, q)
	if wire.Refused(err) {
		out.Serving = l.isCaughtUp() && leader != "" && slices.Contains(peers, address)
		l.remains(q, leader, out.Facts)
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Facts = map[string]string{consul.FactACL: l.access()}
	out.ID, out.Version, out.Term = self.Config.NodeID, self.Config.Version, self.Number("term")
	out.Settings = l.settings(self)
	if leader == "" {
		out.Facts[consul.FactLog] = self.LogEnd().String()
	}
	if l.unreached(self, leader) {
		l.returnTo(client, q) //nolint:contextcheck // a knock outlives the look
		return out, nil       // it says nothing of the others before it has heard of them
	}
	if err := l.describeRole(client, q, &out, self, leader); err != nil { //nolint:contextcheck // a knock outlives the look
		return out, err
	}
	return out, nil
}

// remains adds what a recovery goes by to the facts, where nobody leads and the server
// knows of no tokens.
func (l *local) remains(q *api.QueryOptions, leader string, facts map[string]string) {
	if leader != "" {
		return
	}
	client, err := l.clientWith(consul.RecoveryToken(readText(filepath.Join(l.config.SecretDir, consul.CredentialAgent))))
	if err != nil {
		return
	}
	self, err := wire.ReadSelf(client, q)
	if err != nil {
		return // as of a server whose pod was made before there was such a token
	}
	if raft := self.Configuration(); raft != nil {
		facts[consul.FactLog], facts[consul.FactVoters] = self.LogEnd().String(), strings.Join(wire.Voters(raft), ",")
	}
}

// describeRole fills in role, service and, where this server leads, the view.
func (l *local) describeRole(client *api.Client, q *api.QueryOptions, out *engine.Server, self wire.Self, leader string) error {
	raft, err := configuration(client, q, self, leader)
	if err != nil {
		return err
	}
	voter, member := false, false
	if leader == "" {
		out.Facts[consul.FactVoters] = strings.Join(wire.Voters(raft), ",")
	}
	for _, s := range raft.Servers {
		if s.ID == out.ID {
			voter, member = s.Voter, true
		}
	}
	switch {
	case out.Leader:
		out.Role = "leader"
		out.View = l.leaderView(client, q, raft, self, out.Facts)
		out.Serving = out.View != nil
	case voter:
		out.Role = "follower"
		out.Serving = leader != "" && (l.isCaughtUp() || self.Lag() <= maxLag)
	case member:
		out.Role = "nonvoter"
	}
	if out.Serving {
		l.setCaughtUp(true)
	}
	out.Seen = l.seenView(client, q, raft, leader, out.Facts)
	return nil
}

// configuration is the one that the server has itself. One that was started where nobody
// leads is asked in another way, since it would not answer for seven seconds, and then
// refuse: its word is what a recovery goes by.
func configuration(client *api.Client, q *api.QueryOptions, self wire.Self, leader string) (*api.RaftConfiguration, error) {
	if leader == "" && self.Untouched() {
		if own := self.Configuration(); own != nil {
			return own, nil
		}
	}
	stale := *q
	stale.AllowStale = true
	raft, err := client.Operator().RaftGetConfiguration(&stale)
	if err != nil {
		return nil, fmt.Errorf("reading the server's own raft configuration: %w", err)
	}
	return raft, nil
}

// maxLag is how many log entries a voter may still have to apply when it first
// counts as caught up; it is autopilot's own bound for a healthy server.
const maxLag = 250

// client returns an API client with the agents' token, or without one where the
// server lets everybody in. It is made anew each
// time, since the token is reloaded; connections are shared.
func (l *local) client() (*api.Client, error) {
	if l.open() {
		return l.clientWith("")
	}
	return l.clientWith(readText(filepath.Join(l.config.SecretDir, consul.CredentialAgent)))
}

func (l *local) clientWith(token string) (*api.Client, error) {
	client, err := api.NewClient(&api.Config{Address: l.base, Token: token, HttpClient: l.http})
	if err != nil {
		return nil, fmt.Errorf("making a client of the server: %w", err)
	}
	return client, nil
}

// storedID is the identity on the volume, which a stopped server has too.
func (l *local) storedID() string {
	return readText(filepath.Join(l.config.DataDir, "node-id"))
}

// advertised is the address by which Raft knows this server, as init wrote it.
func (l *local) advertised() string {
	var file struct {
		Address string `json:"advertise_addr"`
	}
	content, err := os.ReadFile(filepath.Join(l.config.ConfigDir, consul.MemberFile))
	if err != nil || json.Unmarshal(content, &file) != nil || file.Address == "" {
		return ""
	}
	return net.JoinHostPort(file.Address, strconv.Itoa(consul.PortServer))
}

func (l *local) isCaughtUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.caughtUp
}

func (l *local) setCaughtUp(value bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.caughtUp = value
}

func readText(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return "" // not there (yet): the caller knows what that means
	}
	return strings.TrimSpace(string(content))
}
