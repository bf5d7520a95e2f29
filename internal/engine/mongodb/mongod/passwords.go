// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// taken is the administrator's password that a majority was seen to have, by the
// primary of one election.
type taken struct {
	hash     string
	election bson.ObjectID
}

// asAgent is a session of the agent's own user, or of nobody where everybody is let in.
func (l *local) asAgent(ctx context.Context) (*wire.Session, error) {
	who, _, err := l.agentLogin(ctx)
	if err != nil {
		return nil, err
	}
	return l.session(ctx, who)
}

// agentLogin is the login that the server takes from the agent: one of those that are
// mounted, or the one that was good last, which is in memory alone. That is another one
// where somebody has put back a Secret from before a rotation; a session that works is
// not given up for it. Where there is only one it is returned as it is. Where there are
// several they are tried anew each time, that which was good last first: a connection
// that was let in goes on with a password that is good no more.
//
// A try that fails for another reason than the password is no word on it: the agent goes
// on with what was good last, and it is not tried. Where none is good, the present one is
// returned, with which the caller will fail.
func (l *local) agentLogin(ctx context.Context) (who wire.Login, tried bool, err error) {
	logins, good := l.agentLogins(), l.goodLogin()
	present := logins[0]
	if good != (wire.Login{}) && present != (wire.Login{}) {
		logins = append([]wire.Login{good}, slices.DeleteFunc(logins, func(who wire.Login) bool { return who == good })...)
	}
	if len(logins) == 1 {
		return logins[0], true, nil
	}
	for _, who := range logins {
		se, err := l.enterAs(ctx, who)
		if se != nil {
			se.Close(ctx)
		}
		switch {
		case err == nil:
			l.noteLogin(who)
			return who, true, nil
		case wire.CodeOf(err) == wire.CodeAuthenticationFailed:
		case good != (wire.Login{}):
			return good, false, nil
		default:
			return who, false, err
		}
	}
	return present, true, nil
}

// goodLogin is the agent's login that was good last; nobody's where none was yet.
func (l *local) goodLogin() wire.Login {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.good
}

// noteLogin notes that the server has taken a login of the agent's.
func (l *local) noteLogin(who wire.Login) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.good = who
}

// agentLogins are those of what is mounted, the present one first.
func (l *local) agentLogins() []wire.Login {
	if l.open() {
		return []wire.Login{{}}
	}
	var out []wire.Login
	for _, password := range agentPasswords(l.secret) {
		out = append(out, wire.Login{User: mongodb.UserAgent, Password: password, Database: mongodb.AdminDatabase})
	}
	return out
}

// agentPasswords are those that can be read, the present one first. The next one is read
// before it: where the kubelet changes both between the two, what was the next one is
// the present one, and not neither.
func agentPasswords(read func(key string) string) []string {
	next := read(engine.NextKey(mongodb.CredentialAgent))
	present := read(mongodb.CredentialAgent)
	if next == "" || next == present {
		return []string{present}
	}
	return []string{present, next}
}

// enterAs logs in anew. The session is the caller's to close, with an error too.
func (l *local) enterAs(ctx context.Context, who wire.Login) (*wire.Session, error) {
	se, err := wire.Open(l.address, who)
	if err != nil {
		return nil, err
	}
	_, err = se.Version(ctx)
	return se, err
}

// asRoot is a session of the administrator's, by the password that the server takes of
// those that came with a step: there are two while it is rotated.
func (l *local) asRoot(ctx context.Context, s engine.Step) (*wire.Session, error) {
	for _, key := range []string{engine.NextKey(mongodb.CredentialAdmin), mongodb.CredentialAdmin} {
		password := s.Credentials[key]
		if password == "" {
			continue
		}
		se, err := l.enterAs(ctx, l.root(password))
		if err == nil {
			l.noteAdministrator(false)
			return se, nil
		}
		if se != nil {
			se.Close(ctx)
		}
		if wire.CodeOf(err) != wire.CodeAuthenticationFailed {
			return nil, err
		}
	}
	l.noteAdministrator(true)
	return nil, errForeignUsers
}

// asRootOfPrimary is the same of a server that leads with the configuration that a step
// was planned on, which is returned, and what it said of itself before that: so what is
// done by it counts for that election.
func (l *local) asRootOfPrimary(ctx context.Context, s engine.Step) (*wire.Session, wire.Greeting, wire.Configuration, error) {
	root, err := l.asRoot(ctx, s)
	if err != nil {
		return nil, wire.Greeting{}, wire.Configuration{}, err
	}
	hello, err := root.Hello(ctx)
	var config wire.Configuration
	if err == nil {
		config, err = planned(ctx, root, s)
	}
	if err != nil {
		root.Close(ctx)
	}
	return root, hello, config, err
}

// noteAdministrator notes whether the server refused the administrator when it was last
// asked as that.
func (l *local) noteAdministrator(refused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rootRefused = time.Time{}
	if refused {
		l.rootRefused = time.Now()
	}
}

// administratorState is what is told of that; empty where it was not refused.
func (l *local) administratorState() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.rootRefused.IsZero():
		return ""
	case time.Since(l.rootRefused) < refusedFor:
		return mongodb.AdministratorRefused
	}
	return mongodb.AdministratorAgain
}

// rotatePassword has this primary give a user of the operator's another password, and
// a majority have it. That is done though it may have it already: another try may have
// been cut off before a majority had. Who is logged in stays so.
func (l *local) rotatePassword(ctx context.Context, s engine.Step) error {
	ctx, cancel := context.WithTimeout(ctx, accountsTimeout)
	defer cancel()
	if s.Key == nil || s.Key.Phase != engine.KeyUse || mongodb.UserOf(s.Key.Credential) == "" {
		return errors.New("the servers have no such password to change")
	}
	password := s.Credentials[s.Key.Credential]
	if password == "" || engine.KeyHash([]byte(password)) != s.Key.Hash {
		return errors.New("the password that came with the step is not the one that it was planned for")
	}
	who := wire.Login{User: mongodb.UserOf(s.Key.Credential), Password: password, Database: mongodb.AdminDatabase}
	if who.User == mongodb.UserAdmin {
		who = l.root(password)
	}
	root, hello, _, err := l.asRootOfPrimary(ctx, s)
	if err != nil {
		return err
	}
	defer root.Close(ctx)
	if err := root.Run(ctx, nil, bson.D{
		{Key: "updateUser", Value: who.User}, {Key: "pwd", Value: password}, {Key: "mechanisms", Value: bson.A{"SCRAM-SHA-256"}}, wire.ByMajority,
	}); err != nil {
		if wire.CodeOf(err) == wire.CodeUnauthorized {
			l.noteAdministrator(true)
		}
		return stale(err)
	}
	if who.User == mongodb.UserAgent {
		return nil // each agent finds out by itself
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = taken{hash: s.Key.Hash, election: hello.Election}
	return nil
}

// logins are the hashes of the passwords that the server takes: that by which the agent
// has just logged in, and of a primary the administrator's, as far as that is known.
// Another primary may have changed it since a former election.
func (l *local) logins(who wire.Login, hello wire.Greeting) map[string]string {
	if who == (wire.Login{}) {
		return nil
	}
	out := map[string]string{mongodb.CredentialAgent: engine.KeyHash([]byte(who.Password))}
	l.mu.Lock()
	defer l.mu.Unlock()
	if hello.Writable && l.taken.hash != "" && hello.Election == l.taken.election {
		out[mongodb.CredentialAdmin] = l.taken.hash
	}
	return out
}
