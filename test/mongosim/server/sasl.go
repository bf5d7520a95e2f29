// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/auth"
	"github.com/quorate/quorate/test/mongosim/code"
)

// conversation is a log-in that is under way.
type conversation struct {
	scram     auth.Server
	db        string
	skipEmpty bool
	proven    bool
}

var errAuthentication = code.Errorf(code.AuthenticationFailed, "%s", auth.ErrAuthentication.Error())

func saslStart(_ context.Context, r *request) (bson.D, error) {
	return r.startSASL(r.body, r.db)
}

func (c *connection) startSASL(body bson.Raw, db string) (bson.D, error) {
	c.sasl = nil
	mechanism, _ := body.Lookup("mechanism").StringValueOK()
	if mechanism != auth.Mechanism {
		return nil, code.Errorf(code.AuthenticationFailed, "Unsupported mechanism %s", mechanism)
	}
	_, payload, _ := body.Lookup("payload").BinaryOK()
	next := &conversation{db: db}
	next.skipEmpty, _ = body.Lookup("options", "skipEmptyExchange").BooleanOK()
	first, err := next.scram.Start(string(payload), func(user string) []*auth.Credential {
		return c.server.credentials(user, db)
	})
	if err != nil {
		return nil, errAuthentication
	}
	c.sasl = next
	return saslReply(first, false), nil
}

func saslContinue(_ context.Context, r *request) (bson.D, error) {
	c := r.connection
	if c.sasl == nil {
		return nil, code.Errorf(code.ProtocolError, "No SASL session state found")
	}
	if c.sasl.proven {
		c.logIn()
		return saslReply("", true), nil
	}
	_, payload, _ := r.body.Lookup("payload").BinaryOK()
	last, err := c.sasl.scram.Finish(string(payload))
	if err != nil {
		c.sasl = nil
		return nil, errAuthentication
	}
	c.sasl.proven = true
	done := c.sasl.skipEmpty
	if done {
		c.logIn()
	}
	return saslReply(last, done), nil
}

func (c *connection) logIn() {
	c.user, c.db = c.sasl.scram.User, c.sasl.db
	c.system = c.user == auth.SystemUser && c.db == auth.SystemDB
	c.sasl = nil
}

func saslReply(payload string, done bool) bson.D {
	return bson.D{
		{Key: "conversationId", Value: int32(1)}, {Key: "done", Value: done}, {Key: "payload", Value: []byte(payload)},
	}
}

// helloAuth is what a client asks with its first hello: how a user can log in, and a log-in begun ahead of time.
func helloAuth(r *request) (d bson.D) {
	if r.body.Lookup("saslSupportedMechs").Type != 0 {
		d = append(d, bson.E{Key: "saslSupportedMechs", Value: bson.A{auth.Mechanism}})
	}
	ahead, ok := r.body.Lookup("speculativeAuthenticate").DocumentOK()
	if !ok {
		return d
	}
	db, _ := ahead.Lookup("db").StringValueOK()
	if reply, err := r.startSASL(ahead, db); err == nil {
		d = append(d, bson.E{Key: "speculativeAuthenticate", Value: reply})
	}
	return d
}

func logout(_ context.Context, r *request) (bson.D, error) {
	r.user, r.connection.db, r.system = "", "", false
	return nil, nil
}

func connectionStatus(_ context.Context, r *request) (bson.D, error) {
	users, roles := bson.A{}, []auth.Role{}
	if r.user != "" {
		users = append(users, bson.D{{Key: "user", Value: r.user}, {Key: "db", Value: r.connection.db}})
		user, err := r.server.findUser(r.user, r.connection.db)
		if err != nil {
			return nil, err
		}
		if user != nil {
			roles = user.Roles
		}
	}
	return bson.D{{Key: "authInfo", Value: bson.D{
		{Key: "authenticatedUsers", Value: users}, {Key: "authenticatedUserRoles", Value: roles},
	}}}, nil
}

// credentials are those of a user: of another member, those of every key.
func (s *Server) credentials(user, db string) []*auth.Credential {
	if user == auth.SystemUser && db == auth.SystemDB {
		return s.keys.System()
	}
	found, err := s.findUser(user, db)
	if err != nil || found == nil || found.Credentials.Scram256 == nil {
		return nil
	}
	return []*auth.Credential{found.Credentials.Scram256}
}
