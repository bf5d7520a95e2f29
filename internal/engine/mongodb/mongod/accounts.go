// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// accountsTimeout bounds one step: a log-in takes the server a while on purpose.
const accountsTimeout = 2 * time.Minute

// refusedFor is after how long an account that the server refused is to be tried
// again: a role may have been made.
var refusedFor = time.Minute

// maxRefusal bounds what is told of one.
const maxRefusal = 200

// seenAccounts is what this server was seen to have, as the primary of one election.
type seenAccounts struct {
	state    *engine.AccountState
	election bson.ObjectID
	at       time.Time
}

// account is a user that is wanted.
type account struct {
	name, database string
	roles          []mongodb.Role
	password       string // empty where it is not known
}

// user is one that the server has.
type user struct {
	User   string         `bson:"user"`
	DB     string         `bson:"db"`
	Roles  []mongodb.Role `bson:"roles"`
	Custom struct {
		// Quorate is the identity of the set, in a user that the operator has made. It
		// is not enough that there is a mark: a user may come from another set's dump.
		Quorate string `bson:"quorate"`
	} `bson:"customData"`
}

// accounts has this primary have the users that are wanted, and no other that the
// operator has made. What is so already is left so. Nobody else's is touched.
//
// A user that the server does not take is told of in the report, and holds up none
// of the others. Only what the server itself does not answer is an error.
func (l *local) accounts(ctx context.Context, s engine.Step) error {
	ctx, cancel := context.WithTimeout(ctx, accountsTimeout)
	defer cancel()
	if s.Accounts == nil || s.Credentials[mongodb.CredentialAdmin] == "" {
		return errors.New("the users, or the administrator's password, did not come with the step")
	}
	wanted, err := readAccounts(s)
	if err != nil {
		return err
	}
	root, err := wire.Open(l.address, wire.Login{User: mongodb.UserAdmin, Password: s.Credentials[mongodb.CredentialAdmin], Database: mongodb.AdminDatabase})
	if err != nil {
		return err
	}
	defer root.Close(ctx)
	hello, err := root.Hello(ctx)
	if wire.CodeOf(err) == wire.CodeAuthenticationFailed {
		return errForeignUsers
	}
	if err != nil {
		return err
	}
	config, _, err := root.Configuration(ctx, true)
	if err != nil {
		return stale(err)
	}
	if s.Term != config.Rank() {
		return fmt.Errorf("%w: the configuration is version %d of term %d", errStale, config.Version, config.Term)
	}
	b := book{root: root, address: l.address, mark: config.Settings.Identity.Hex(), refused: map[string]string{}}
	if err := b.settle(ctx, wanted); err != nil {
		return stale(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = seenAccounts{state: &engine.AccountState{Revision: s.Accounts.Revision, Refused: b.refused}, election: hello.Election, at: time.Now()}
	return nil
}

// accountState is what is told of the users by a primary. Another one may have
// changed them since a former election.
func (l *local) accountState(hello wire.Greeting) *engine.AccountState {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !hello.Writable || hello.Election != l.seen.election || l.seen.state == nil {
		return nil
	}
	out := *l.seen.state
	out.Again = len(out.Refused) > 0 && time.Since(l.seen.at) > refusedFor
	return &out
}

func readAccounts(s engine.Step) ([]account, error) {
	var out []account
	for _, a := range s.Accounts.Accounts {
		u := account{name: a.Name, database: a.Params[mongodb.ParamDatabase], password: s.Credentials[engine.AccountKey(a.Name)]}
		if err := json.Unmarshal([]byte(a.Params[mongodb.ParamRoles]), &u.roles); err != nil {
			return nil, fmt.Errorf("read the roles of the user %s: %w", a.Name, err)
		}
		if u.name == "" || u.database == "" || slices.Contains([]string{mongodb.UserAdmin, mongodb.UserAgent}, u.name) {
			return nil, fmt.Errorf("%q is no user that is kept", a.Name)
		}
		out = append(out, u)
	}
	return out, nil
}

// book is the users of one server while they are brought in order.
type book struct {
	root          *wire.Session
	address, mark string
	refused       map[string]string
}

func (b book) settle(ctx context.Context, wanted []account) error {
	var have struct {
		Users []user `bson:"users"`
	}
	if err := b.root.Run(ctx, &have, bson.D{{Key: "usersInfo", Value: bson.D{{Key: "forAllDBs", Value: true}}}}); err != nil {
		return err
	}
	for _, a := range wanted {
		i := slices.IndexFunc(have.Users, func(u user) bool { return u.User == a.name && u.DB == a.database })
		var err error
		switch {
		case i < 0:
			err = b.make(ctx, a)
		case have.Users[i].Custom.Quorate != b.mark:
			b.refused[a.name] = fmt.Sprintf("the database %s has a user of this name that the operator has not made: drop that one, or give this one another name", a.database)
		default:
			err = b.change(ctx, a, have.Users[i])
		}
		if err := b.note(a.name, err); err != nil {
			return err
		}
	}
	for _, u := range have.Users {
		kept := slices.ContainsFunc(wanted, func(a account) bool { return a.name == u.User && a.database == u.DB })
		if kept || u.Custom.Quorate != b.mark {
			continue
		}
		if err := b.root.RunOn(ctx, u.DB, nil, bson.D{{Key: "dropUser", Value: u.User}, concern}); err != nil && wire.CodeOf(err) != wire.CodeUserNotFound {
			return fmt.Errorf("of the user %s: %w", u.User, err)
		}
	}
	return nil
}

// concern has a command return once a majority has what it changed.
var concern = bson.E{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}, {Key: "wtimeout", Value: reconfigTimeout.Milliseconds()}}}

func (b book) make(ctx context.Context, a account) error {
	if a.password == "" {
		b.refused[a.name] = "its password is not known, so that it cannot be made"
		return nil
	}
	return b.root.RunOn(ctx, a.database, nil, bson.D{
		{Key: "createUser", Value: a.name}, {Key: "pwd", Value: a.password}, {Key: "roles", Value: a.roles},
		{Key: "mechanisms", Value: bson.A{"SCRAM-SHA-256"}}, {Key: "customData", Value: bson.D{{Key: "quorate", Value: b.mark}}}, concern,
	})
}

// change gives a user what it has not. Whether it has the password is told by
// logging in with it: no hash of it is kept.
func (b book) change(ctx context.Context, a account, have user) error {
	command := bson.D{{Key: "updateUser", Value: a.name}}
	if !sameRoles(a.roles, have.Roles) {
		command = append(command, bson.E{Key: "roles", Value: a.roles})
	}
	if a.password != "" {
		in, err := b.logsIn(ctx, a)
		if err != nil {
			return err
		}
		if !in {
			command = append(command, bson.E{Key: "pwd", Value: a.password})
		}
	}
	if len(command) == 1 {
		return nil
	}
	return b.root.RunOn(ctx, a.database, nil, append(command, concern))
}

func (b book) logsIn(ctx context.Context, a account) (bool, error) {
	s, err := wire.Open(b.address, wire.Login{User: a.name, Password: a.password, Database: a.database})
	if err != nil {
		return false, err
	}
	defer s.Close(ctx)
	_, err = s.Version(ctx)
	if wire.CodeOf(err) == wire.CodeAuthenticationFailed {
		return false, nil
	}
	return err == nil, err
}

// note keeps what the server said of one user, and returns what is no word of its.
func (b book) note(name string, err error) error {
	code := wire.CodeOf(err)
	if err == nil {
		return nil
	}
	if code == 0 || errors.Is(stale(err), errStale) {
		return fmt.Errorf("of the user %s: %w", name, err)
	}
	text := err.Error()
	b.refused[name] = strings.ToValidUTF8(text[:min(len(text), maxRefusal)], "")
	return nil
}

func sameRoles(a, b []mongodb.Role) bool {
	order := func(x, y mongodb.Role) int { return strings.Compare(x.DB+"."+x.Role, y.DB+"."+y.Role) }
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, order)
	slices.SortFunc(b, order)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
