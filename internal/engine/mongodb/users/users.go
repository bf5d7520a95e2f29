// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// maxRefusal bounds what is told of one.
const maxRefusal = 200

// Wanted is a user that is wanted.
type Wanted struct {
	Name, Database string
	Roles          []mongodb.Role
	Password       string // empty where it is not known
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

// Of returns the users that a step asks for. The operator's own are no such users.
func Of(s engine.Step) ([]Wanted, error) {
	var out []Wanted
	for _, a := range s.Accounts.Accounts {
		u := Wanted{Name: a.Name, Database: a.Params[mongodb.ParamDatabase], Password: s.Credentials[engine.AccountKey(a.Name)]}
		if err := json.Unmarshal([]byte(a.Params[mongodb.ParamRoles]), &u.Roles); err != nil {
			return nil, fmt.Errorf("read the roles of the user %s: %w", a.Name, err)
		}
		if u.Name == "" || u.Database == "" || slices.Contains([]string{mongodb.UserAdmin, mongodb.UserAdopter, mongodb.UserAgent}, u.Name) {
			return nil, fmt.Errorf("%q is no user that is kept", a.Name)
		}
		out = append(out, u)
	}
	return out, nil
}

// book is the users of one server while they are brought in order.
type book struct {
	root *wire.Session
	mark string
	// elsewhere is what can be done where a name is taken, beside dropping who has it.
	elsewhere string
	refused   map[string]string
}

// Settle has the server have the users that are wanted, and no other that bears the
// mark of this set. What is so already is left so. Nobody else's is touched. The
// session is one of the administrator's, with the primary.
//
// A user that the server does not take is returned with the reason, and holds up none
// of the others. Only what the server itself does not answer is an error.
func Settle(ctx context.Context, root *wire.Session, mark string, wanted []Wanted) (refused map[string]string, err error) {
	b, have, err := keepAll(ctx, book{root: root, mark: mark, elsewhere: ", or give this one another name"}, wanted)
	if err != nil {
		return nil, err
	}
	for _, u := range have {
		kept := slices.ContainsFunc(wanted, func(w Wanted) bool { return w.Name == u.User && w.Database == u.DB })
		if kept || u.Custom.Quorate != mark {
			continue
		}
		if err := b.drop(ctx, u); err != nil {
			return nil, err
		}
	}
	return b.refused, nil
}

// Operators has a set that was made by hand have the operator's own users, of which the
// names are fixed, and drops nobody. They bear a mark of their own, so that Settle leaves them alone; a user of
// such a name without it is somebody else's, and not touched.
func Operators(ctx context.Context, root *wire.Session, mark string, wanted []Wanted) (refused map[string]string, err error) {
	b, _, err := keepAll(ctx, book{root: root, mark: mark + "/operator"}, wanted)
	return b.refused, err
}

// keepAll reads the users, and sees to those that are wanted.
func keepAll(ctx context.Context, b book, wanted []Wanted) (book, []user, error) {
	var have struct {
		Users []user `bson:"users"`
	}
	b.refused = map[string]string{}
	if err := b.root.Run(ctx, &have, bson.D{{Key: "usersInfo", Value: bson.D{{Key: "forAllDBs", Value: true}}}}); err != nil {
		return b, nil, err
	}
	for _, w := range wanted {
		if err := b.note(w.Name, b.keep(ctx, w, have.Users)); err != nil {
			return b, nil, err
		}
	}
	return b, have.Users, nil
}

// keep makes one user or changes it, unless it is somebody else's.
func (b book) keep(ctx context.Context, w Wanted, have []user) error {
	i := slices.IndexFunc(have, func(u user) bool { return u.User == w.Name && u.DB == w.Database })
	switch {
	case i < 0:
		return b.make(ctx, w)
	case have[i].Custom.Quorate != b.mark:
		b.refused[w.Name] = fmt.Sprintf("the database %s has a user of this name that the operator has not made: drop that one%s", w.Database, b.elsewhere)
		return nil
	}
	return b.change(ctx, w, have[i])
}

func (b book) make(ctx context.Context, w Wanted) error {
	if w.Password == "" {
		b.refused[w.Name] = "its password is not known, so that it cannot be made"
		return nil
	}
	return b.root.RunOn(ctx, w.Database, nil, bson.D{
		{Key: "createUser", Value: w.Name}, {Key: "pwd", Value: w.Password}, {Key: "roles", Value: w.Roles},
		{Key: "mechanisms", Value: bson.A{"SCRAM-SHA-256"}}, {Key: "customData", Value: bson.D{{Key: "quorate", Value: b.mark}}}, wire.ByMajority,
	})
}

// change gives a user what it has not. Whether it has the password is told by
// logging in with it: no hash of it is kept.
func (b book) change(ctx context.Context, w Wanted, have user) error {
	command := bson.D{{Key: "updateUser", Value: w.Name}}
	if !sameRoles(w.Roles, have.Roles) {
		command = append(command, bson.E{Key: "roles", Value: w.Roles})
	}
	if w.Password != "" {
		in, err := b.logsIn(ctx, w)
		if err != nil {
			return err
		}
		if !in {
			command = append(command, bson.E{Key: "pwd", Value: w.Password})
		}
	}
	if len(command) == 1 {
		return nil
	}
	return b.root.RunOn(ctx, w.Database, nil, append(command, wire.ByMajority))
}

func (b book) logsIn(ctx context.Context, w Wanted) (bool, error) {
	s, err := b.root.As(wire.Login{User: w.Name, Password: w.Password, Database: w.Database})
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

// drop takes away a user that nobody wants any more.
func (b book) drop(ctx context.Context, u user) error {
	err := b.root.RunOn(ctx, u.DB, nil, bson.D{{Key: "dropUser", Value: u.User}, wire.ByMajority})
	if err != nil && wire.CodeOf(err) != wire.CodeUserNotFound {
		return fmt.Errorf("of the user %s: %w", u.User, err)
	}
	return nil
}

// note keeps what the server said of one user, and returns what is no word of its.
func (b book) note(name string, err error) error {
	if err == nil {
		return nil
	}
	if wire.CodeOf(err) == 0 || wire.MovedOn(err) {
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
