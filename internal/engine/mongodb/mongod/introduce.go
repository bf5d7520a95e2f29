// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/users"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// errTurnedAway needs a person. Nothing was changed.
var errTurnedAway = errors.New("the server does not let in the administrator whom spec.adopt names: put the right username and password of a user in the database " +
	mongodb.AdminDatabase + ", who can log in with SCRAM-SHA-256, into that Secret")

// turnedAwayFor is for how long a login that was refused is not tried again: the server's
// log is the user's.
const turnedAwayFor = 15 * time.Second

// turnedAway is a login that was refused.
type turnedAway struct {
	who wire.Login
	at  time.Time
}

// introduce has a set that was made by hand get the operator's own users, as the
// administrator whom the user names. It is the one time that an agent talks to another
// server than its own: users are made by the primary, which is taken over last and has no
// agent of its own yet. Its name is what this server knows it by.
//
// The login is tried at this server first, so that nothing is changed where it is wrong.
// Who has these users already is left as they are, so that it can be repeated.
func (l *local) introduce(ctx context.Context, s engine.Step) error {
	admin, agent := s.Credentials[mongodb.CredentialAdmin], s.Credentials[mongodb.CredentialAgent]
	who := wire.Login{User: s.Credentials[mongodb.AdoptedUser], Password: s.Credentials[mongodb.AdoptedPassword], Database: mongodb.AdminDatabase}
	if admin == "" || agent == "" || who.User == "" || who.Password == "" {
		return errors.New("the passwords did not come with the step")
	}
	if l.lately(who) {
		return errTurnedAway
	}
	se, err := wire.Open(l.address, who)
	if err != nil {
		return err
	}
	defer func() { se.Close(ctx) }()
	hello, err := se.Hello(ctx)
	if wire.CodeOf(err) == wire.CodeAuthenticationFailed {
		l.turnAway(who)
		return errTurnedAway
	}
	if err != nil {
		return err
	}
	if !hello.Writable {
		if hello.Primary == "" {
			return fmt.Errorf("%w: nobody leads", errStale)
		}
		se.Close(ctx)
		if se, err = wire.Open(hello.Primary, who); err != nil {
			return err
		}
	}
	return l.operators(ctx, se, admin, agent)
}

// operators makes the operator's own users on the server that leads.
func (l *local) operators(ctx context.Context, root *wire.Session, admin, agent string) error {
	config, _, err := root.Configuration(ctx, true)
	if err != nil {
		return fmt.Errorf("of the server that leads: %w", stale(err))
	}
	refused, err := users.Operators(ctx, root, config.Settings.Identity.Hex(), []users.Wanted{
		{Name: l.administrator(), Database: mongodb.AdminDatabase, Password: admin, Roles: []mongodb.Role{{Role: "root", DB: mongodb.AdminDatabase}}},
		{Name: mongodb.UserAgent, Database: mongodb.AdminDatabase, Password: agent, Roles: agentRoles()},
	})
	if err != nil {
		return fmt.Errorf("make the operator's users: %w", stale(err))
	}
	var why []string
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		why = append(why, name+": "+refused[name])
	}
	if len(why) > 0 {
		return errors.New("the operator's users were not made: " + strings.Join(why, "; "))
	}
	return nil
}

func (l *local) turnAway(who wire.Login) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turnedAway = turnedAway{who: who, at: time.Now()}
}

func (l *local) lately(who wire.Login) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.turnedAway.who == who && time.Since(l.turnedAway.at) < turnedAwayFor
}
