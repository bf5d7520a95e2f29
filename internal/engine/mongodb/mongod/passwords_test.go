// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// give has the kubelet bring the agents' passwords, the present one first.
func (p *process) give(passwords ...string) {
	for i, name := range []string{mongodb.CredentialAgent, engine.NextKey(mongodb.CredentialAgent)} {
		path := filepath.Join(p.local.config.SecretDir, name)
		p.c.must(os.RemoveAll(path))
		if i < len(passwords) {
			p.c.must(os.WriteFile(path, []byte(passwords[i]), 0o400))
		}
	}
}

// give has every kubelet bring them.
func (c *cluster) give(passwords ...string) {
	for _, p := range c.servers {
		p.give(passwords...)
	}
}

// anew has the agent begin anew, with nothing in memory; its server runs on.
func (p *process) anew() {
	p.closeAll()
	name := p.name
	p.local = newLocal(p.local.config, p.host())
	p.name = name
}

// use is the step by which the servers take a password, as the manager would plan it.
func (c *cluster) use(credential, password string) engine.Step {
	c.t.Helper()
	change := engine.KeyChange{Phase: engine.KeyUse, Credential: engine.NextKey(credential), Hash: engine.KeyHash([]byte(password))}
	s, known := mongodb.Engine{}.KeyStep(change, c.observe())
	if !known || s.Blocked != "" {
		c.t.Fatalf("nobody can be asked: %+v", s)
	}
	s.Kind, s.Key = engine.StepRotateKey, &change
	s.Credentials = map[string]string{mongodb.CredentialAdmin: adminPassword, change.Credential: password}
	return s
}

// take has the servers take a password, whoever leads by then.
func (c *cluster) take(credential, password string) {
	c.t.Helper()
	c.eventually(func() string {
		c.primary()
		s := c.use(credential, password)
		if err := c.servers[engine.OrdinalOf(s.Member)].Do(c.t.Context(), s); err != nil {
			return err.Error()
		}
		return ""
	})
}

// expectLogins waits until every agent has logged in by a password, and fails where one
// is kept out meanwhile.
func (c *cluster) expectLogins(password string) {
	c.t.Helper()
	c.eventually(func() string {
		for i, p := range c.servers {
			s := p.see()
			if s.Running && s.Facts[mongodb.FactUsers] != mongodb.UsersReady {
				c.t.Fatalf("the agent of db-%d is kept out", i)
			}
			if s.Logins[mongodb.CredentialAgent] != engine.KeyHash([]byte(password)) {
				return fmt.Sprintf("db-%d takes %v", i, s.Logins)
			}
		}
		return ""
	})
}

// TestTheAgentsPasswordIsRotated has the password of three agents rotated, while agents
// begin anew and the primary changes: none of them is ever kept out.
func TestTheAgentsPasswordIsRotated(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.settle(3)
	const next = "n/e+x=t"
	c.expectLogins(agentPassword)
	c.give(agentPassword, next)
	c.expectLogins(agentPassword)
	c.servers[1].anew()
	c.take(mongodb.CredentialAgent, next)
	c.expectLogins(next)

	// Both are mounted yet: who begins anew, and who leads next, is let in all the same.
	c.servers[2].anew()
	c.must(c.primary().Drain(t.Context()))
	c.primary()
	c.expectLogins(next)
	c.take(mongodb.CredentialAgent, next) // once more, as a manager does that has not heard of it
	c.expectLogins(next)

	c.give(next)
	c.expectLogins(next)
	c.servers[0].anew()
	c.expectLogins(next)
	if done := c.settle(3); len(done) > 0 {
		t.Errorf("there was something left to do: %v", done)
	}
}

// An agent that has the former password alone is kept out, which is why the servers take
// another one only once all agents have it, and let in as soon as it has that.
func TestAnAgentThatHasOnlyTheFormerPassword(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	c.settle(2)
	lead := c.primary()
	other := c.servers[0]
	if other == lead {
		other = c.servers[1]
	}
	lead.give(agentPassword, "next")
	c.take(mongodb.CredentialAgent, "next")
	other.anew()
	c.eventually(func() string {
		if s := other.see(); s.Facts[mongodb.FactUsers] != mongodb.UsersPending || s.Logins != nil {
			return fmt.Sprintf("it is let in: %+v", s)
		}
		return ""
	})
	other.give(agentPassword, "next")
	c.expectLogins("next")
}

// Where somebody puts an older Secret back, agents go on with what was good last, as long
// as they run; one that begins anew is kept out, and says so.
func TestASecretFromBeforeARotation(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	c.settle(2)
	c.give(agentPassword, "next")
	c.take(mongodb.CredentialAgent, "next")
	c.expectLogins("next")
	c.give("next")
	c.expectLogins("next")
	c.give(agentPassword)
	for range 2 {
		c.expectLogins("next")
	}
	p := c.servers[1]
	p.anew()
	c.eventually(func() string {
		if s := p.see(); !s.KeptOut || s.Facts[mongodb.FactUsers] != mongodb.UsersPending || s.Logins != nil {
			return fmt.Sprintf("it is let in: %+v", s)
		}
		return ""
	})
	p.give("next")
	c.expectLogins("next")
	if p.see().KeptOut {
		t.Error("it says that it is kept out")
	}
}

// A majority that is lost in the middle may have the set go back to the former password:
// the agents have both, and what is asked for again is done.
func TestAPasswordThatNoMajorityHas(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.settle(3)
	c.give(agentPassword, "next")
	lead := c.primary()
	s := c.use(mongodb.CredentialAgent, "next")
	for _, p := range c.servers {
		if p != lead {
			p.end()
		}
	}
	if err := lead.Do(t.Context(), s); err == nil {
		t.Error("it is told to be done, though no majority has it")
	}
	for _, p := range c.servers {
		p.end()
		if p != lead {
			p.start() // these have never heard of it
		}
	}
	c.eventually(func() string {
		for _, p := range c.servers {
			if server := p.see(); p != lead && server.Leader && server.Logins[mongodb.CredentialAgent] == engine.KeyHash([]byte(agentPassword)) {
				return ""
			}
		}
		return "nobody leads who takes the former password"
	})
	lead.start()
	c.settle(3)
	c.take(mongodb.CredentialAgent, "next")
	c.expectLogins("next")
}

// TestTheAdministratorsPasswordIsRotated has the primary tell of it, in the election in
// which it was changed alone; steps that need the administrator get both passwords.
func TestTheAdministratorsPasswordIsRotated(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.settle(3)
	const next = "r:o@o/t&2"
	w := c.write()
	first := c.primary()
	c.take(mongodb.CredentialAdmin, next)
	told := func() string { return c.primary().see().Logins[mongodb.CredentialAdmin] }
	if first == c.primary() && told() != engine.KeyHash([]byte(next)) {
		t.Errorf("the primary tells of %q", told())
	}
	for _, p := range c.servers {
		if s := p.see(); !s.Leader && s.Logins[mongodb.CredentialAdmin] != "" {
			t.Error("a secondary tells of the administrator's password")
		}
		c.eventually(func() string {
			if err := p.logsIn(mongodb.UserAdmin, next, mongodb.AdminDatabase); err != nil {
				return err.Error()
			}
			return ""
		})
		if err := p.logsIn(mongodb.UserAdmin, adminPassword, mongodb.AdminDatabase); err == nil {
			t.Error("the former password is good yet")
		}
	}
	if writes, failed := w.end(); writes == 0 || failed > 0 {
		t.Errorf("of %d writes of who was logged in %d failed", writes, failed)
	}

	c.must(c.primary().Drain(t.Context()))
	if told() != "" {
		t.Error("another one tells of what was done in another election")
	}
	c.take(mongodb.CredentialAdmin, next)
	if told() == "" {
		t.Error("it does not tell of what it was asked for again")
	}

	d := &v1alpha1.Datastore{}
	d.Spec.MongoDB = &v1alpha1.MongoDBSpec{Users: []v1alpha1.MongoDBUser{reader("app", "shop")}}
	c.eventually(func() string {
		s, ok := mongodb.Engine{}.AccountStep(c.observe())
		if !ok {
			return "nobody can be asked"
		}
		s.Kind, s.Accounts = engine.StepAccounts, &engine.AccountChange{Revision: "one", Accounts: mongodb.Engine{}.Accounts(d)}
		s.Credentials = map[string]string{mongodb.CredentialAdmin: adminPassword, engine.AccountKey("app"): "x"}
		lead := c.servers[engine.OrdinalOf(s.Member)]
		if err := lead.Do(t.Context(), s); !errors.Is(err, errForeignUsers) {
			return fmt.Sprintf("with the former password alone: %v", err)
		}
		s.Credentials[engine.NextKey(mongodb.CredentialAdmin)] = next
		if err := lead.Do(t.Context(), s); err != nil {
			return err.Error()
		}
		return ""
	})
}

// What cannot be what was planned is not done.
func TestPasswordsThatAreNotChanged(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.settle(1)
	p := c.primary()
	for what, spoil := range map[string]func(*engine.Step){
		"another value":        func(s *engine.Step) { s.Credentials[s.Key.Credential] = "secret word" },
		"no value":             func(s *engine.Step) { delete(s.Credentials, s.Key.Credential) },
		"another phase":        func(s *engine.Step) { s.Key.Phase = engine.KeyAdd },
		"another credential":   func(s *engine.Step) { s.Key.Credential = mongodb.CredentialKeyFile },
		"another term":         func(s *engine.Step) { s.Term++ },
		"another's, as admin":  func(s *engine.Step) { s.Credentials[mongodb.CredentialAdmin] = "secret word" },
		"no change of any key": func(s *engine.Step) { s.Key = nil },
	} {
		p.noteAdministrator(false) // it was refused a moment ago, by one of these
		s := c.use(mongodb.CredentialAgent, "next")
		spoil(&s)
		if err := p.Do(t.Context(), s); err == nil || strings.Contains(err.Error(), "secret word") {
			t.Errorf("%s: %v", what, err)
		}
	}
	c.expectLogins(agentPassword)
	c.must(p.asAdmin(nil, bson.D{{Key: "ping", Value: 1}}))
}

// An administrator that is refused is told of, and told apart from one that may be tried
// again; once one is let in there is nothing to tell.
func TestAnAdministratorThatIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.settle(1)
	p := c.primary()
	expect := func(want string) {
		t.Helper()
		if got := p.see().Facts[mongodb.FactAdministrator]; got != want {
			t.Errorf("the administrator is %q, want %q", got, want)
		}
	}
	expect("")
	s := c.use(mongodb.CredentialAgent, agentPassword)
	s.Credentials[mongodb.CredentialAdmin] = "another"
	if err := p.Do(t.Context(), s); !errors.Is(err, errForeignUsers) {
		t.Fatal(err)
	}
	expect(mongodb.AdministratorRefused)
	p.rootRefused = time.Now().Add(-2 * time.Minute)
	expect(mongodb.AdministratorAgain)
	c.take(mongodb.CredentialAgent, agentPassword)
	expect("")
}

// Whenever the kubelet changes what is mounted, what is read of it has the password that
// is good: the former one before the servers take another, and that one afterwards.
func TestWhichPasswordsAreTried(t *testing.T) {
	type secret struct{ present, next string }
	for _, tt := range []struct {
		from, to secret
		good     string
	}{
		{secret{"a", ""}, secret{"a", ""}, "a"},
		{secret{"a", ""}, secret{"a", "b"}, "a"},
		{secret{"a", "b"}, secret{"a", "b"}, "a"},
		{secret{"a", "b"}, secret{"a", "b"}, "b"},
		{secret{"a", "b"}, secret{"b", ""}, "b"},
		{secret{"b", ""}, secret{"b", "c"}, "b"},
	} {
		for at := range 3 {
			reads := 0
			got := agentPasswords(func(key string) string {
				has := tt.from
				if reads >= at {
					has = tt.to
				}
				reads++
				return map[string]string{mongodb.CredentialAgent: has.present, engine.NextKey(mongodb.CredentialAgent): has.next}[key]
			})
			if !slices.Contains(got, tt.good) || got[0] == "" || len(slices.Compact(slices.Clone(got))) != len(got) {
				t.Errorf("from %v to %v after %d reads: %q is good, and %q are tried", tt.from, tt.to, at, tt.good, got)
			}
		}
	}
}

// Between two elections of one server another may have led, and changed the password.
func TestThePasswordOfAnElectionBefore(t *testing.T) {
	first, next := bson.NewObjectID(), bson.NewObjectID()
	l := &local{taken: taken{hash: "b", election: first}}
	who := wire.Login{User: mongodb.UserAgent, Password: "x"}
	for what, tt := range map[string]struct {
		greeting wire.Greeting
		want     string
	}{
		"in this election": {wire.Greeting{Writable: true, Election: first}, "b"},
		"in the next one":  {wire.Greeting{Writable: true, Election: next}, ""},
		"as no primary":    {wire.Greeting{Election: first}, ""},
	} {
		if got := l.logins(who, tt.greeting)[mongodb.CredentialAdmin]; got != tt.want {
			t.Errorf("%s %q is told, want %q", what, got, tt.want)
		}
	}
	if got := l.logins(wire.Login{}, wire.Greeting{Writable: true, Election: first}); got != nil {
		t.Errorf("where everybody is let in it tells of %v", got)
	}
}

// A server that does not answer a try to log in is no word on the password: the agent
// goes on with what was good last, where there was one.
func TestALoginThatFailsInTransport(t *testing.T) {
	dir := t.TempDir()
	for name, password := range map[string]string{mongodb.CredentialAgent: "a", engine.NextKey(mongodb.CredentialAgent): "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := newLocal(engine.LocalConfig{Member: "db-0", SecretDir: dir}, "127.0.0.1:1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody is there to answer, and nobody waits for that
	if _, tried, err := l.agentLogin(ctx); err == nil || tried {
		t.Errorf("none was good yet: tried %v, %v", tried, err)
	}
	good := l.agentLogins()[1]
	l.noteLogin(good)
	if who, tried, err := l.agentLogin(ctx); err != nil || tried || who != good {
		t.Errorf("it goes on as %v, tried %v, %v", who, tried, err)
	}
}
