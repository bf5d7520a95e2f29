// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// theirs is the administrator of a set that was made by hand, who has the name of ours
// in a set that was not.
var theirs = wire.Login{User: mongodb.UserAdmin, Password: "made by hand", Database: mongodb.AdminDatabase}

// closedByHand is a set of three with a key file and one user, whose servers run in pods
// of ours by now, but for nothing that they were told.
func closedByHand(t *testing.T) *cluster {
	t.Helper()
	c := newCluster(t, 3)
	d := handmade()
	d.Spec.Adopt.Authentication, d.Spec.Adopt.KeyFile = v1alpha1.AuthenticationKeyFile, &v1alpha1.AdoptedKeyFile{}
	hosts := bson.A{}
	for i, p := range c.servers {
		for name, text := range (mongodb.Engine{}).Template(d).Files {
			c.must(os.WriteFile(filepath.Join(p.config.ConfigDir, name), []byte(text), 0o600))
		}
		c.must(p.Release(engine.Marker{Grant: engine.Grant{Kind: engine.GrantAdopt}, Formed: true}))
		hosts = append(hosts, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: p.host()}})
	}
	nobody, err := c.servers[0].session(t.Context(), wire.Login{})
	c.must(err)
	c.eventually(func() string {
		err := nobody.Run(t.Context(), nil, bson.D{{Key: "replSetInitiate", Value: bson.D{{Key: "_id", Value: "db"}, {Key: "members", Value: hosts}}}})
		if err != nil && wire.CodeOf(err) != wire.CodeAlreadyInitialized {
			return err.Error()
		}
		return ""
	})
	c.eventually(func() string {
		for _, p := range c.servers {
			se, err := p.session(t.Context(), wire.Login{})
			c.must(err)
			if hello, err := se.Hello(t.Context()); err == nil && hello.Writable {
				err = se.Run(t.Context(), nil, createUser("createUser", theirs.User, theirs.Password, mongodb.Role{Role: "root", DB: mongodb.AdminDatabase}))
				if err == nil || wire.CodeOf(err) == wire.CodeUnauthorized {
					return ""
				}
				return err.Error()
			}
		}
		return "nobody leads"
	})
	return c
}

// follower is a member that does not lead.
func (c *cluster) follower() (name string) {
	c.t.Helper()
	c.eventually(func() string {
		for i, p := range c.servers {
			if s, err := p.Observe(c.t.Context()); err == nil && s.Running && s.Formed && !s.Leader {
				name = fmt.Sprintf("db-%d", i)
				return ""
			}
		}
		return "all lead, or do not run"
	})
	return name
}

// asked is an observation of one member alone: the others have no agent yet.
func (c *cluster) asked(name string) (engine.Observation, error) {
	c.t.Helper()
	s, err := c.servers[engine.OrdinalOf(name)].Observe(c.t.Context())
	return engine.Observation{Members: []engine.MemberObservation{{Name: name, Ordinal: engine.OrdinalOf(name), Report: &engine.Report{
		Volume: engine.VolumeMember, Grant: engine.GrantAdopt, Server: s,
	}}}}, err
}

// introduce carries the step out with a password.
func (c *cluster) introduce(name, password string) error {
	c.t.Helper()
	have, err := c.asked(name)
	if err != nil {
		return err
	}
	step, ok := mongodb.Engine{}.Introduce(have)
	if !ok || step.Member != name {
		c.t.Fatalf("nobody is asked: %+v", step)
	}
	values := map[string]string{
		mongodb.CredentialAdmin: adminPassword, mongodb.CredentialAgent: agentPassword, mongodb.AdoptedUser: theirs.User, mongodb.AdoptedPassword: password,
	}
	step.Credentials = map[string]string{}
	for _, key := range step.Secrets {
		step.Credentials[key] = values[key]
	}
	return c.servers[engine.OrdinalOf(name)].Do(c.t.Context(), step)
}

// usersOf are the users that the server has, by their own administrator.
func (c *cluster) usersOf(name string) (out []string) {
	c.t.Helper()
	se, err := wire.Open(c.servers[engine.OrdinalOf(name)].address, theirs)
	c.must(err)
	defer se.Close(c.t.Context())
	var have struct {
		Users []struct {
			User  string         `bson:"user"`
			Roles []mongodb.Role `bson:"roles"`
		} `bson:"users"`
	}
	c.must(se.Run(c.t.Context(), &have, bson.D{{Key: "usersInfo", Value: bson.D{{Key: "forAllDBs", Value: true}}}}))
	for _, u := range have.Users {
		out = append(out, fmt.Sprintf("%s %d", u.User, len(u.Roles)))
	}
	slices.Sort(out)
	return out
}

// TestAClosedSetIsEntered has the operator's users made through one member that follows,
// as the administrator whom the user names, and no user of theirs changed.
func TestAClosedSetIsEntered(t *testing.T) {
	c := closedByHand(t)
	by := c.follower()
	c.eventually(func() string { // what was made by hand arrives there
		se, err := wire.Open(c.servers[engine.OrdinalOf(by)].address, theirs)
		c.must(err)
		defer se.Close(t.Context())
		if _, err := se.Version(t.Context()); err != nil {
			return err.Error()
		}
		return ""
	})

	err := c.introduce(by, "another one")
	if !errors.Is(err, errTurnedAway) || !strings.Contains(err.Error(), "who can log in with SCRAM-SHA-256") {
		t.Fatalf("with a wrong password: %v", err)
	}
	if got := c.usersOf(by); !slices.Equal(got, []string{"admin 1"}) {
		t.Fatalf("with a wrong password there are %q", got)
	}
	if s := c.servers[engine.OrdinalOf(by)].see(); s.Serving || s.Seen != nil || s.Facts[mongodb.FactUsers] != mongodb.UsersPending {
		t.Errorf("whose agent is not let in says %+v", s)
	}

	c.eventually(func() string {
		if err := c.introduce(by, theirs.Password); err != nil {
			return err.Error() // who leads may have changed
		}
		return ""
	})
	c.eventually(func() string {
		have := c.observe()
		for i, m := range have.Members {
			if s := m.Report.Server; s.Facts[mongodb.FactUsers] != mongodb.UsersReady || !s.Serving || s.Seen == nil {
				return fmt.Sprintf("db-%d says %+v", i, s)
			}
		}
		if a := (mongodb.Engine{}).Assess(have); !a.Usable {
			return a.Why
		}
		return ""
	})
	if got := c.usersOf(by); !slices.Equal(got, []string{"admin 1", "quorate-admin 1", "quorate-agent 4"}) {
		t.Errorf("there are %q", got)
	}
	have, err := c.asked(by)
	c.must(err)
	if step, ok := (mongodb.Engine{}).Introduce(have); ok {
		t.Errorf("asked again: %+v", step)
	}

	// The users that are kept for the user do not have the operator's own dropped.
	c.must(c.keep("r", nil))
	if got := c.usersOf(by); len(got) != 3 {
		t.Errorf("with no user wanted there are %q", got)
	}

	// Who leads hands over when another one asks, whose server it is not.
	asked := ""
	c.eventually(func() string {
		a := mongodb.Engine{}.Assess(c.observe())
		if !a.Known || asked != "" && a.Leader != asked {
			return a.Why
		}
		asked = a.Leader
		seen, err := c.asked(c.follower())
		if err != nil {
			return err.Error()
		}
		asker := seen.Members[0]
		step, ok := mongodb.Engine{}.Usher(asked, []engine.MemberObservation{asker})
		if !ok {
			return asker.Name + " does not see who leads"
		}
		if err := c.servers[asker.Ordinal].Do(t.Context(), step); err != nil {
			return err.Error() // nobody may have caught up yet
		}
		if s, err := c.servers[engine.OrdinalOf(asked)].Observe(t.Context()); err != nil || s.Leader {
			return fmt.Sprintf("%s leads on, or cannot tell: %v", asked, err)
		}
		return ""
	})
	c.servers[0].marker.Grant.Kind = engine.GrantJoin
	if err := c.servers[0].Do(t.Context(), engine.Step{Kind: engine.StepStepDown, Member: "db-0", Subject: "db-1"}); err == nil || !strings.Contains(err.Error(), "only where that was made by hand") {
		t.Errorf("who was not adopted asks others: %v", err)
	}
}

// TestOperatorsUsersOfOthersAreLeft: who bears such a name and was made by somebody else is
// named, and not changed.
func TestOperatorsUsersOfOthersAreLeft(t *testing.T) {
	c := closedByHand(t)
	by := c.follower()
	c.eventually(func() string {
		for _, p := range c.servers {
			se, err := wire.Open(p.address, theirs)
			c.must(err)
			hello, err := se.Hello(t.Context())
			if err == nil && hello.Writable {
				err = se.Run(t.Context(), nil, createUser("createUser", mongodb.UserAgent, "theirs", mongodb.Role{Role: "read", DB: "shop"}))
			}
			se.Close(t.Context())
			if wire.CodeOf(err) == wire.CodeUserExists {
				return ""
			}
		}
		return "it was not made"
	})
	c.eventually(func() string {
		err := c.introduce(by, theirs.Password)
		if err == nil || !strings.Contains(err.Error(), "a user of this name that the operator has not made: drop that one") || strings.Contains(err.Error(), "another name") {
			return fmt.Sprintf("want a refusal: %v", err)
		}
		return ""
	})
	c.eventually(func() string { // a majority has it, and this one perhaps not yet
		if got := c.usersOf(by); !slices.Contains(got, "quorate-agent 1") {
			return fmt.Sprintf("there are %q", got)
		}
		return ""
	})
}
