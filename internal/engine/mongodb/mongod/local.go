// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"context"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// callTimeout bounds an observation.
const callTimeout = 10 * time.Second

// local is the agent's half. It talks to its own server alone.
type local struct {
	config  engine.LocalConfig
	address string
	// name returns the member that a host is.
	name func(host string) string

	mu sync.Mutex
	// marker is the one that the server was released with.
	marker engine.Marker
	// caughtUp is true once the server was, since it answers; entered once the
	// agent's user has logged in.
	caughtUp, entered bool
	// seen are the users that the server was last seen to have.
	seen seenAccounts
	// taken is the administrator's password that it was last given, and good the agent's
	// login that it took last.
	taken    taken
	good     wire.Login
	sessions map[wire.Login]*wire.Session
	// rootRefused is when the server refused the operator's administrator, zero where it
	// let that in when it was last tried.
	rootRefused time.Time
	// turnedAway is the administrator of an adopted set whom the server did not let in.
	turnedAway turnedAway
}

var _ engine.Local = (*local)(nil)

// NewLocal returns the agent's half for the server on localhost.
func NewLocal(config engine.LocalConfig) (engine.Local, error) {
	return newLocal(config, net.JoinHostPort("127.0.0.1", strconv.Itoa(mongodb.Port))), nil
}

func newLocal(config engine.LocalConfig, address string) *local {
	return &local{config: config, address: address, name: wire.NameOf, sessions: map[wire.Login]*wire.Session{}}
}

// Release notes what the volume was granted for. A server that starts on an empty
// volume waits to be told; it is given the keys that are mounted now, see giveKeys.
func (l *local) Release(m engine.Marker) error {
	if err := l.giveKeys(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marker = m
	return nil
}

// mayForm tells whether this server may be told to form a set.
func (l *local) mayForm() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.marker.Grant.Kind == engine.GrantForm && !l.marker.Formed && !l.marker.Leaving
}

// session returns the one under a login. It is kept, but for another password.
func (l *local) session(ctx context.Context, who wire.Login) (*wire.Session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.sessions[who]; s != nil {
		return s, nil
	}
	for known, old := range l.sessions {
		if known.User == who.User {
			delete(l.sessions, known)
			go old.Close(ctx)
		}
	}
	s, err := wire.Open(l.address, who)
	if err == nil {
		l.sessions[who] = s
	}
	return s, err
}

// agent is the login of the agent's own user, by its present password, see agentLogin;
// nobody's where everybody is let in.
func (l *local) agent() wire.Login {
	if l.open() {
		return wire.Login{}
	}
	return wire.Login{User: mongodb.UserAgent, Password: l.secret(mongodb.CredentialAgent), Database: mongodb.AdminDatabase}
}

// root is the login of the operator's administrator.
func (l *local) root(password string) wire.Login {
	return wire.Login{User: l.administrator(), Password: password, Database: mongodb.AdminDatabase}
}

// administrator is the name of the operator's own.
func (l *local) administrator() string {
	if name := readText(filepath.Join(l.config.ConfigDir, mongodb.AdminFile)); name != "" {
		return name
	}
	return mongodb.UserAdmin
}

func (l *local) secret(key string) string { return readText(filepath.Join(l.config.SecretDir, key)) }

// host is the name by which the configuration has to know this member.
func (l *local) host() string {
	name := readText(filepath.Join(l.config.ConfigDir, mongodb.HostFile))
	if name == "" || strings.Contains(name, ":") {
		return name // with a port of its own in a test
	}
	return net.JoinHostPort(name, strconv.Itoa(mongodb.Port))
}

// setName is that of the replica set, as the server is started with; the Datastore's
// where that is not known.
func (l *local) setName() string {
	if s, there := l.settings(); there && s.Replication.Set != "" {
		return s.Replication.Set
	}
	return l.config.Member[:strings.LastIndex(l.config.Member, "-")]
}

// Observe reads the server's own state; only a primary also reads the
// membership. A server that has no users yet is described by what anybody may
// read over localhost until then.
//
// What a server says takes several commands. One that ceases to lead between two
// of them is described by a second look, not half as the one that it was.
func (l *local) Observe(ctx context.Context) (engine.Server, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := l.look(ctx)
	if wire.MovedOn(err) {
		return l.look(ctx)
	}
	return out, err
}

// look is one look at the server.
func (l *local) look(ctx context.Context) (engine.Server, error) {
	open := l.open()
	out := engine.Server{Keys: l.keyHashes(), Facts: l.facts(open)}
	nobody, err := l.session(ctx, wire.Login{})
	if err != nil {
		return engine.Server{}, err
	}
	hello, err := nobody.Hello(ctx)
	if err != nil {
		l.set(&l.caughtUp, false)
		l.set(&l.entered, false)
		return engine.Server{Keys: out.Keys}, nil //nolint:nilerr // a server that does not answer is not running
	}
	out.Running, out.Formed, out.Leader = true, hello.Set != "", hello.Writable
	if !l.is(&l.entered) && !open {
		st, err := nobody.Status(ctx)
		switch wire.CodeOf(err) {
		case wire.CodeUnauthorized: // there are users
		case wire.CodeInvalidConfiguration: // it was taken out
			out.Formed = true
			return out, nil
		case 0, wire.CodeNotYetInitialized:
			if err != nil && wire.CodeOf(err) == 0 {
				return engine.Server{}, err
			}
			// A server that is getting the data for the first time has the
			// configuration and none of it yet.
			if self, ok := st.Self(); ok && st.State != wire.StatePrimary && st.State != wire.StateSecondary {
				out.Formed, out.ID = false, strconv.Itoa(int(self.Number))
			}
			return out, nil
		default:
			return out, err
		}
	}
	return l.lookAsAgent(ctx, hello, out)
}

// lookAsAgent goes on with a server that has users: as the agent's own, if it is let in.
// One that is still getting the data may have some users and not that one.
func (l *local) lookAsAgent(ctx context.Context, hello wire.Greeting, out engine.Server) (engine.Server, error) {
	who, tried, err := l.agentLogin(ctx)
	if err != nil {
		return out, err
	}
	s, err := l.session(ctx, who)
	if err != nil {
		return out, err
	}
	out, err = l.describe(ctx, s, hello, out)
	if out.Facts[mongodb.FactUsers] != mongodb.UsersReady {
		out.KeptOut = err == nil && (hello.Writable || hello.Secondary)
		return out, err
	}
	l.noteLogin(who)
	if tried {
		out.Logins = l.logins(who, hello)
	}
	return out, err
}

// facts are those that hold whatever the server says.
func (l *local) facts(open bool) map[string]string {
	out := map[string]string{mongodb.FactHost: l.host(), mongodb.FactUsers: mongodb.UsersPending}
	if open {
		out[mongodb.FactOpen] = "Yes"
	}
	if state := l.administratorState(); state != "" {
		out[mongodb.FactAdministrator] = state
	}
	return out
}

// enter logs in as the agent's user. Where that does not exist yet the server is
// still getting it, or another one was made in its place.
func (l *local) enter(ctx context.Context, s *wire.Session) (version string, in bool, err error) {
	version, err = s.Version(ctx)
	if wire.CodeOf(err) == wire.CodeAuthenticationFailed {
		l.set(&l.entered, false)
		return "", false, nil
	}
	if err == nil {
		l.set(&l.entered, true)
	}
	return version, err == nil, err
}

// describe goes on as the agent's user.
func (l *local) describe(ctx context.Context, s *wire.Session, hello wire.Greeting, out engine.Server) (engine.Server, error) {
	version, in, err := l.enter(ctx, s)
	if !in {
		return out, err
	}
	facts := maps.Clone(out.Facts)
	facts[mongodb.FactUsers] = mongodb.UsersReady
	out.Facts, out.Version = facts, version
	st, err := s.Status(ctx)
	switch wire.CodeOf(err) {
	case wire.CodeNotYetInitialized:
		return out, nil
	case wire.CodeInvalidConfiguration: // it was taken out, and has the last configuration yet
		st, err = wire.Status{State: 10}, nil
	}
	if err != nil {
		return out, err
	}
	config, committed, err := s.Configuration(ctx, hello.Writable)
	if err != nil {
		return out, err
	}
	if facts[mongodb.FactFeatures], err = s.Features(ctx); err != nil {
		return out, err
	}
	out.Formed, out.Set = true, config.Settings.Identity.Hex()
	out.Role, out.Term = wire.StateNames[st.State], config.Rank()
	if self, ok := st.Self(); ok {
		out.ID = strconv.Itoa(int(self.Number))
		l.set(&l.caughtUp, l.is(&l.caughtUp) || st.CaughtUp(self.Number))
		out.Serving = l.is(&l.caughtUp) && (st.State == wire.StatePrimary || st.State == wire.StateSecondary)
	}
	if hello.Primary == "" {
		l.leaderless(config, st, facts)
	} else if err := l.forgetRecovery(); err != nil {
		return out, err
	}
	out.Accounts = l.accountState(hello)
	out.Seen = l.seenView(config, st)
	if hello.Writable && committed {
		out.View = l.confirmedView(ctx, s, hello, config, st)
	}
	return out, nil
}

// confirmedView is the membership as this primary has it, nil if it could not be
// confirmed. A primary that was cut off takes a while to notice. So the view
// counts only if a read that needs a majority succeeded afterwards, while it led
// on with the same configuration.
func (l *local) confirmedView(ctx context.Context, s *wire.Session, before wire.Greeting, config wire.Configuration, st wire.Status) *engine.View {
	if err := s.Confirm(ctx); err != nil {
		return nil
	}
	after, err := s.Hello(ctx)
	if err != nil || !after.Writable || after.Version != config.Version || after.Election != before.Election {
		return nil
	}
	return l.view(config, st)
}

// view is the membership by a configuration, and what this server finds of each.
func (l *local) view(config wire.Configuration, st wire.Status) *engine.View {
	v := &engine.View{}
	for _, m := range config.Members {
		of, _ := st.Of(m.Number)
		v.Peers = append(v.Peers, engine.Peer{
			ID: strconv.Itoa(int(m.Number)), Name: l.name(m.Host), Address: m.Host, Voter: m.Votes > 0,
			Leader: of.Self, Healthy: st.CaughtUp(m.Number),
		})
	}
	voters, healthy := engine.Assessment{Peers: v.Peers}.Voters()
	v.Tolerance = max(0, healthy-engine.Majority(voters))
	return v
}

func (l *local) is(flag *bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return *flag
}

func (l *local) set(flag *bool, value bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*flag = value
}

func readText(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return "" // not there (yet): the caller knows what that means
	}
	return strings.TrimSpace(string(content))
}
