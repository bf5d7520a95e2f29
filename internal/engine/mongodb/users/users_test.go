// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

func expectSame(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s are %v, want %v", what, got, want)
	}
}

// reader is a user that may read its database, and has more roles if so wanted.
func reader(name, password, db string, more ...mongodb.Role) Wanted {
	return Wanted{Name: name, Password: password, Database: db, Roles: append(more, mongodb.Role{Role: "read", DB: db})}
}

// What is wanted is made, changed and dropped, and what is so already is left so.
func TestUsersAreBroughtInLine(t *testing.T) {
	d := newDouble(t)
	d.settle(reader("app", "a p@ss:w/ord", "shop"), reader("other", "o", "admin"))
	d.expectUsers("shop.app", "admin.other")
	d.must(d.reads("app", "a p@ss:w/ord", "shop"))
	if err := d.reads("app", "other", "shop"); wire.CodeOf(err) != wire.CodeAuthenticationFailed {
		t.Errorf("with another password: %v", err)
	}

	// Other roles, and the same password; then another password, and the same roles.
	d.settle(reader("app", "a p@ss:w/ord", "shop", mongodb.Role{Role: "readWrite", DB: "stock"}), reader("other", "o", "admin"))
	d.must(d.reads("app", "a p@ss:w/ord", "shop"))
	i := slices.IndexFunc(d.users(), func(u user) bool { return u.User == "app" })
	if want := []mongodb.Role{{Role: "readWrite", DB: "stock"}, {Role: "read", DB: "shop"}}; cmp.Diff(want, d.users()[i].Roles) != "" {
		t.Errorf("the roles are %v", d.users()[i].Roles)
	}
	d.settle(reader("app", "another", "shop"), reader("other", "o", "admin"))
	d.must(d.reads("app", "another", "shop"))
	d.must(d.reads("other", "o", "admin"))

	// Without a password a user keeps the one that it has.
	d.settle(reader("app", "", "shop"))
	d.must(d.reads("app", "another", "shop"))
	d.expectUsers("shop.app")

	// Another database is another user.
	d.settle(reader("app", "x", "store"))
	d.expectUsers("store.app")
	d.settle()
	d.expectUsers()
}

// Users of somebody else's are neither changed nor dropped, and one that the server
// does not take holds up none of the others.
func TestUsersOfOthersAreLeftAlone(t *testing.T) {
	d := newDouble(t)
	d.byHand("plain", bson.D{{Key: "team", Value: "a"}})
	d.byHand("dumped", bson.D{{Key: "quorate", Value: "0123456789abcdef01234567"}}) // of another set's dump
	refused := d.settle(
		reader("plain", "x", "shop"), reader("dumped", "x", "shop"),
		Wanted{Name: "odd", Password: "z", Database: "admin", Roles: []mongodb.Role{{Role: "no-such", DB: "admin"}}},
		reader("mute", "", "shop"), reader("app", "y", "shop"))
	expectSame(t, "those refused", slices.Collect(maps.Keys(refused)), []string{"dumped", "mute", "odd", "plain"})
	for name, word := range map[string]string{"mute": "not known", "odd": "no-such", "plain": "another name", "dumped": "another name"} {
		if !strings.Contains(refused[name], word) || strings.Contains(refused[name], `z"`) {
			t.Errorf("%s: %s", name, refused[name])
		}
	}
	d.must(d.reads("plain", "by hand", "shop"))
	d.must(d.reads("dumped", "by hand", "shop"))
	d.must(d.reads("app", "y", "shop"))
	d.settle()
	d.expectUsers("shop.dumped", "shop.plain")
}

// What is no word of the server's about one user is an error, and no refusal of it.
func TestWhatIsNoRefusal(t *testing.T) {
	for code, refused := range map[int32]bool{wire.CodeNotWritablePrimary: false, wire.CodeConfigurationRunning: false, wire.CodeSteppedDown: false, wire.CodeInterrupted: false, 31: true} {
		b := book{refused: map[string]string{}}
		err := b.note("app", fmt.Errorf("x: %w", mongo.CommandError{Code: code, Message: strings.Repeat("é", maxRefusal)}))
		if (err == nil) != refused || (b.refused["app"] != "") != refused || len(b.refused["app"]) > maxRefusal {
			t.Errorf("%d: %v, and %q", code, err, b.refused["app"])
		}
	}
	d := newDouble(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if refused, err := Settle(ctx, d.root, d.mark, []Wanted{reader("app", "x", "shop")}); err == nil || len(refused) > 0 {
		t.Errorf("a server that was not asked: %v, %v", refused, err)
	}
}

// The operator's own users are kept by nobody, and what the manager has sent is read.
func TestUsersOfAStep(t *testing.T) {
	step := func(name string) engine.Step {
		d := &v1alpha1.Datastore{}
		d.Spec.MongoDB = &v1alpha1.MongoDBSpec{Users: []v1alpha1.MongoDBUser{{Name: name, Database: "shop", Roles: []v1alpha1.MongoDBRole{{Role: "read"}}}}}
		return engine.Step{
			Accounts:    &engine.AccountChange{Accounts: mongodb.Engine{}.Accounts(d)},
			Credentials: map[string]string{engine.AccountKey(name): "x"},
		}
	}
	got, err := Of(step("app"))
	if err != nil || cmp.Diff([]Wanted{reader("app", "x", "shop")}, got) != "" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, name := range []string{mongodb.UserAdmin, mongodb.UserAgent, ""} {
		if _, err := Of(step(name)); err == nil {
			t.Errorf("%q is kept", name)
		}
	}
	broken := step("app")
	broken.Accounts.Accounts[0].Params[mongodb.ParamRoles] = "{"
	if _, err := Of(broken); err == nil {
		t.Error("roles that cannot be read are taken")
	}
}
