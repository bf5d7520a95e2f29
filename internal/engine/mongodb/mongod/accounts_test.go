// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// keep has the primary have users, as a manager would ask for it.
func (c *cluster) keep(revision string, passwords map[string]string, users ...v1alpha1.MongoDBUser) error {
	c.t.Helper()
	d := &v1alpha1.Datastore{}
	d.Spec.MongoDB = &v1alpha1.MongoDBSpec{Users: users}
	var err error
	c.eventually(func() string {
		s, ok := mongodb.Engine{}.AccountStep(c.observe())
		if !ok {
			return "nobody can be asked"
		}
		s.Kind = engine.StepAccounts
		s.Accounts = &engine.AccountChange{Revision: revision, Accounts: mongodb.Engine{}.Accounts(d)}
		s.Credentials = map[string]string{mongodb.CredentialAdmin: adminPassword}
		for name, password := range passwords {
			s.Credentials[engine.AccountKey(name)] = password
		}
		if err = c.servers[engine.OrdinalOf(s.Member)].Do(c.t.Context(), s); errors.Is(err, errStale) {
			return err.Error()
		}
		return ""
	})
	return err
}

func reader(name, db string, roles ...v1alpha1.MongoDBRole) v1alpha1.MongoDBUser {
	return v1alpha1.MongoDBUser{Name: name, Database: db, Roles: append(roles, v1alpha1.MongoDBRole{Role: "read"})}
}

// logsIn tells whether a user can log in and read a database.
func (p *process) logsIn(name, password, db string) error {
	s, err := wire.Open(p.address, wire.Login{User: name, Password: password, Database: db})
	if err != nil {
		return err
	}
	defer s.Close(p.c.t.Context())
	return s.RunOn(p.c.t.Context(), db, nil, bson.D{{Key: "find", Value: "any"}, {Key: "limit", Value: 1}})
}

// A step makes the users, gives one another password, and drops them; of two members,
// so that there is a majority to wait for. See package users for all of what it does.
func TestUsersAreKept(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	c.settle(2)
	p := c.primary()
	if s := p.see(); s.Accounts != nil {
		t.Errorf("nobody was asked, and it tells of %+v", s.Accounts)
	}
	secret := map[string]string{"app": "a p@ss:w/ord", "other": "o"}
	c.must(c.keep("one", secret, reader("app", "shop"), reader("other", "admin")))
	if got := p.see().Accounts; cmp.Diff(&engine.AccountState{Revision: "one", Refused: map[string]string{}}, got) != "" {
		t.Errorf("it tells of %+v", got)
	}
	c.must(p.logsIn("app", secret["app"], "shop"))
	if err := p.logsIn("app", "other", "shop"); wire.CodeOf(err) != wire.CodeAuthenticationFailed {
		t.Errorf("with another password: %v", err)
	}
	for _, s := range c.servers {
		if s != p && s.see().Accounts != nil {
			t.Error("a secondary tells of the users")
		}
	}
	secret["app"] = "another"
	c.must(c.keep("two", secret, reader("app", "shop"), reader("other", "admin")))
	c.must(p.logsIn("app", "another", "shop"))
	c.must(p.logsIn("other", "o", "admin"))
	c.must(c.keep("three", nil))
	if err := p.logsIn("app", "another", "shop"); wire.CodeOf(err) != wire.CodeAuthenticationFailed {
		t.Errorf("a user that was dropped: %v", err)
	}
	for _, name := range []string{mongodb.UserAdmin, mongodb.UserAgent} {
		if err := c.keep("four", map[string]string{name: "x"}, reader(name, "admin")); err == nil {
			t.Errorf("%s was kept", name)
		}
	}
	c.must(p.asAdmin(nil, bson.D{{Key: "ping", Value: 1}}))
}

// Between two elections of one server another may have led, and changed the users.
func TestUsersOfAnElectionBefore(t *testing.T) {
	first, next := bson.NewObjectID(), bson.NewObjectID()
	l := &local{seen: seenAccounts{state: &engine.AccountState{Revision: "one"}, election: first}}
	if l.accountState(wire.Greeting{Writable: true, Election: first}) == nil {
		t.Error("what was seen in this election is not told of")
	}
	if l.accountState(wire.Greeting{Writable: true, Election: next}) != nil || l.accountState(wire.Greeting{Election: first}) != nil {
		t.Error("what was seen in another election is told of")
	}
}

// What a primary tells of the users is of its own election alone, and what it
// refused is told for a while. It is not beside others, whose while it would cut short.
func TestUsersAreToldOfByWhoLeads(t *testing.T) {
	defer func(was time.Duration) { refusedFor = was }(refusedFor)
	c := newCluster(t, 3)
	c.settle(3)
	first := c.primary()
	c.must(c.keep("one", map[string]string{"app": "x"}, reader("app", "shop")))
	c.must(first.Drain(t.Context()))
	second := c.primary()
	if second.see().Accounts != nil {
		t.Error("another one tells of what it has not seen")
	}
	c.must(c.keep("two", map[string]string{"app": "y"}, reader("app", "shop"), reader("mute", "shop")))
	c.must(second.Drain(t.Context()))
	if a := c.primary().see().Accounts; a != nil {
		t.Errorf("a revision of an election before is told of: %+v", a)
	}
	c.must(c.keep("three", map[string]string{"app": "y"}, reader("app", "shop"), reader("mute", "shop")))
	third := c.primary()
	if a := third.see().Accounts; a == nil || a.Refused["mute"] == "" || a.Again {
		t.Errorf("it tells of %+v", a)
	}
	refusedFor = 0
	if a := third.see().Accounts; a == nil || !a.Again || a.Refused["mute"] == "" {
		t.Errorf("a refusal is not to be tried again: %+v", a)
	}
	stalely := engine.Step{Kind: engine.StepAccounts, Member: third.local.config.Member, Term: 1, Accounts: &engine.AccountChange{},
		Credentials: map[string]string{mongodb.CredentialAdmin: adminPassword}}
	if err := third.Do(t.Context(), stalely); !errors.Is(err, errStale) {
		t.Errorf("planned on an earlier configuration: %v", err)
	}
	stalely.Credentials = map[string]string{mongodb.CredentialAdmin: "unknown"}
	if err := third.Do(t.Context(), stalely); !errors.Is(err, errForeignUsers) || strings.Contains(err.Error(), "unknown") {
		t.Errorf("with another administrator's password: %v", err)
	}
}
