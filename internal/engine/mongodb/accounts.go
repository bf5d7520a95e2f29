// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"encoding/json"
	"net"
	"net/url"
	"strconv"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// Role is a role of a user, as it is in the parameter ParamRoles and on the server.
type Role struct {
	Role string `json:"role" bson:"role"`
	DB   string `json:"db" bson:"db"`
}

var _ engine.AccountKeeper = Engine{}

// Accounts implements engine.AccountKeeper.
func (Engine) Accounts(d *v1alpha1.Datastore) []engine.Account {
	if d.Spec.MongoDB == nil {
		return nil
	}
	out := make([]engine.Account, 0, len(d.Spec.MongoDB.Users))
	for _, u := range d.Spec.MongoDB.Users {
		db := u.Database
		if db == "" {
			db = AdminDatabase
		}
		roles := make([]Role, 0, len(u.Roles))
		for _, r := range u.Roles {
			if r.DB == "" {
				r.DB = db
			}
			roles = append(roles, Role{Role: r.Role, DB: r.DB})
		}
		text, err := json.Marshal(roles)
		if err != nil {
			panic("texts are always valid JSON: " + err.Error())
		}
		out = append(out, engine.Account{
			Name: u.Name, Params: map[string]string{ParamDatabase: db, ParamRoles: string(text)}, Password: u.PasswordSecretRef,
		})
	}
	return out
}

// AccountStep implements engine.AccountKeeper: the primary does it, as the
// administrator, whose password travels with the step.
func (Engine) AccountStep(have engine.Observation) (engine.Step, bool) {
	a, _ := assess(have)
	return engine.Step{Member: a.Leader, Term: a.Term, Secrets: []string{CredentialAdmin}}, a.Known
}

// AccountConnection implements engine.AccountKeeper.
func (Engine) AccountConnection(d *v1alpha1.Datastore, host string, a engine.Account, password string) engine.Connection {
	return connection(d, host, a.Name, password, a.Params[ParamDatabase])
}

// connection names the client Service, where a driver finds a member that is
// ready, and the set, whose members it then asks for.
func connection(d *v1alpha1.Datastore, host, user, password, database string) engine.Connection {
	path := "/" + database
	if database == AdminDatabase {
		path = "/" // no client works there unasked
	}
	uri := url.URL{
		Scheme: "mongodb", User: url.UserPassword(user, password), Host: net.JoinHostPort(host, strconv.Itoa(Port)), Path: path,
		RawQuery: url.Values{"authSource": {database}, "replicaSet": {setName(d)}}.Encode(),
	}
	return engine.Connection{
		Type: "mongodb", Host: host, Port: strconv.Itoa(Port), Username: user, Password: password, URI: uri.String(),
		Extra: map[string]string{"database": database, "replica-set": setName(d)},
	}
}

// openConnection is that of a set which lets everybody in.
func openConnection(d *v1alpha1.Datastore, host string) engine.Connection {
	c := connection(d, host, "", "", AdminDatabase)
	uri := url.URL{Scheme: "mongodb", Host: net.JoinHostPort(c.Host, c.Port), Path: "/", RawQuery: url.Values{"replicaSet": {setName(d)}}.Encode()}
	c.URI = uri.String()
	delete(c.Extra, "database")
	return c
}
