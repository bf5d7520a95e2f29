// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/auth"
	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/store"
)

// user is the document of one.
type user struct {
	ID          string      `bson:"_id"`
	User        string      `bson:"user"`
	DB          string      `bson:"db"`
	Credentials credentials `bson:"credentials"`
	Roles       []auth.Role `bson:"roles"`
	Custom      bson.Raw    `bson:"customData,omitempty"`
}

type credentials struct {
	Scram256 *auth.Credential `bson:"SCRAM-SHA-256,omitempty"`
}

func (s *Server) anyUser() (bool, error) {
	docs, err := s.store.Find(store.Query{Namespace: store.NamespaceUsers, Filter: empty, Limit: 1})
	return len(docs) > 0, err
}

var empty = bson.Raw{5, 0, 0, 0, 0}

// findUser returns nil for one that is not there.
func (s *Server) findUser(name, db string) (*user, error) {
	docs, err := s.store.Find(store.Query{Namespace: store.NamespaceUsers, Filter: byID(db + "." + name)})
	if err != nil || len(docs) == 0 {
		return nil, err
	}
	var u user
	return &u, bson.Unmarshal(docs[0], &u)
}

func byID(id any) bson.Raw {
	raw, err := bson.Marshal(bson.D{{Key: "_id", Value: id}})
	if err != nil {
		panic("an identity can always be written: " + err.Error())
	}
	return raw
}

// describeUser fills in what a request says of a user.
func describeUser(r *request, u *user) error {
	if password, ok := r.body.Lookup("pwd").StringValueOK(); ok {
		if password == "" {
			return code.Errorf(code.BadValue, "Password cannot be empty")
		}
		credential, err := auth.NewCredential(password, nil, r.server.parameters.iterations())
		if err != nil {
			return code.Errorf(code.BadValue, "%s", err.Error())
		}
		u.Credentials.Scram256 = credential
	}
	if custom, ok := r.body.Lookup("customData").DocumentOK(); ok {
		u.Custom = custom
	}
	list, ok := r.body.Lookup("roles").ArrayOK()
	if !ok {
		return nil
	}
	values, err := list.Values()
	if err != nil {
		return code.Errorf(code.BadValue, "reading roles: %v", err)
	}
	u.Roles = []auth.Role{}
	for _, value := range values {
		role := auth.Role{DB: r.db}
		if name, ok := value.StringValueOK(); ok {
			role.Role = name
		} else if err := value.Unmarshal(&role); err != nil {
			return code.Errorf(code.BadValue, "reading roles: %v", err)
		}
		if !auth.KnownRole(role.Role) {
			return code.Errorf(code.RoleNotFound, "Could not find role: %s@%s", role.Role, role.DB)
		}
		u.Roles = append(u.Roles, role)
	}
	return nil
}

func createUser(ctx context.Context, r *request) (bson.D, error) {
	name, _ := r.body.Lookup("createUser").StringValueOK()
	if name == "" {
		return nil, code.Errorf(code.BadValue, "User document needs 'user' field to be non-empty")
	}
	u := &user{ID: r.db + "." + name, User: name, DB: r.db}
	if err := describeUser(r, u); err != nil {
		return nil, err
	}
	if u.Credentials.Scram256 == nil {
		return nil, code.Errorf(code.BadValue, "Must provide a 'pwd' field for all user documents, except those with '$external' as the user's source db")
	}
	if u.Roles == nil {
		return nil, code.Errorf(code.BadValue, "\"createUser\" command requires a \"roles\" array")
	}
	raw, err := bson.Marshal(u)
	if err != nil {
		return nil, err
	}
	result, err := r.server.write(ctx, &store.Op{Kind: store.Insert, Namespace: store.NamespaceUsers, Statements: []store.Statement{{Doc: raw}}})
	if err == nil && len(result.Errors) > 0 {
		err = code.Errorf(code.UserExists, "User \"%s@%s\" already exists", name, r.db)
	}
	return nil, err
}

func updateUser(ctx context.Context, r *request) (bson.D, error) {
	name, _ := r.body.Lookup("updateUser").StringValueOK()
	u, err := r.server.findUser(name, r.db)
	if err != nil {
		return nil, err
	}
	if u == nil {
		// Where this is no primary that is what matters: its users may be out of date.
		if err := r.server.checkWritable(); err != nil {
			return nil, err
		}
		return nil, code.Errorf(code.UserNotFound, "User %s@%s not found", name, r.db)
	}
	if err := describeUser(r, u); err != nil {
		return nil, err
	}
	raw, err := bson.Marshal(u)
	if err != nil {
		return nil, err
	}
	_, err = r.server.write(ctx, &store.Op{Kind: store.Update, Namespace: store.NamespaceUsers,
		Statements: []store.Statement{{Filter: byID(u.ID), Update: raw}}})
	return nil, err
}

func dropUser(ctx context.Context, r *request) (bson.D, error) {
	name, _ := r.body.Lookup("dropUser").StringValueOK()
	result, err := r.server.write(ctx, &store.Op{Kind: store.Delete, Namespace: store.NamespaceUsers,
		Statements: []store.Statement{{Filter: byID(r.db + "." + name)}}})
	if err == nil && result.N == 0 {
		err = code.Errorf(code.UserNotFound, "User '%s@%s' not found", name, r.db)
	}
	return nil, err
}

// asked are the identities of the users that a request asks for; none means all of the database.
func asked(r *request) []string {
	value := r.body.Lookup("usersInfo")
	list := []bson.RawValue{value}
	if array, ok := value.ArrayOK(); ok {
		list, _ = array.Values()
	}
	var ids []string
	for _, v := range list {
		if name, ok := v.StringValueOK(); ok {
			ids = append(ids, r.db+"."+name)
		} else if doc, ok := v.DocumentOK(); ok {
			name, _ := doc.Lookup("user").StringValueOK()
			db, _ := doc.Lookup("db").StringValueOK()
			ids = append(ids, db+"."+name)
		}
	}
	return ids
}

// ownUser reports whether a client asks for itself.
func ownUser(r *request) bool {
	ids := asked(r)
	return r.user != "" && len(ids) == 1 && ids[0] == r.connection.db+"."+r.user
}

func usersInfo(_ context.Context, r *request) (bson.D, error) {
	if err := r.checkReadable(); err != nil {
		return nil, err
	}
	docs, err := r.server.store.Find(store.Query{Namespace: store.NamespaceUsers, Filter: empty})
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, id := range asked(r) {
		wanted[id] = true
	}
	everywhere := r.body.Lookup("usersInfo", "forAllDBs").Type != 0
	showCredentials, _ := r.body.Lookup("showCredentials").BooleanOK()
	users := bson.A{}
	for _, doc := range docs {
		var u user
		if err := bson.Unmarshal(doc, &u); err != nil {
			return nil, err
		}
		if !everywhere && (len(wanted) > 0 && !wanted[u.ID] || len(wanted) == 0 && u.DB != r.db) {
			continue
		}
		shown := bson.D{{Key: "_id", Value: u.ID}, {Key: "user", Value: u.User}, {Key: "db", Value: u.DB},
			{Key: "roles", Value: u.Roles}, {Key: "mechanisms", Value: bson.A{auth.Mechanism}}}
		if u.Custom != nil {
			shown = append(shown, bson.E{Key: "customData", Value: u.Custom})
		}
		if showCredentials {
			shown = append(shown, bson.E{Key: "credentials", Value: u.Credentials})
		}
		users = append(users, shown)
	}
	return bson.D{{Key: "users", Value: users}}, nil
}
