// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"bytes"
	"encoding/base64"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
	"github.com/quorate/quorate/test/mongosim/release"
	"github.com/quorate/quorate/test/mongosim/server"
)

const password = "p@ss/w+rd:=?& "

// double is a set of one server, the double, in this process.
type double struct {
	t    *testing.T
	root *wire.Session
	mark string
}

// newDouble starts it, with the administrator alone.
func newDouble(t *testing.T) *double {
	t.Helper()
	d := &double{t: t}
	version, err := release.Of("8.0.4")
	d.must(err)
	s, err := server.Open(server.Options{
		SetName: "db", Folder: t.TempDir(), Quit: func() {}, NoSync: true, Release: version,
		Keys: []string{base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("quorate"), 20))},
		Logf: t.Logf, Fatal: func(err error) { t.Errorf("fatal: %v", err) }, Blocked: func(string) bool { return false },
		Parameters: map[string]string{server.ShutdownTimeout: "0", server.Iterations: "5000"},
	})
	d.must(err)
	t.Cleanup(s.Close)
	d.must(s.Listen("127.0.0.1:0"))
	nobody := d.open(s.Address(), wire.Login{})
	config := wire.Configuration{Set: "db", Version: 1, Members: []wire.Member{{Host: s.Address(), Votes: 1, Priority: 1}}}
	d.must(nobody.Run(t.Context(), nil, bson.D{{Key: "replSetInitiate", Value: config}}))
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		hello, err := nobody.Hello(t.Context())
		if err == nil && hello.Writable {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it does not lead: %+v, %v", hello, err)
		}
	}
	d.must(nobody.Run(t.Context(), nil, bson.D{
		{Key: "createUser", Value: mongodb.UserAdmin}, {Key: "pwd", Value: password}, {Key: "roles", Value: bson.A{"root"}}, wire.ByMajority,
	}))
	d.root = d.open(s.Address(), wire.Login{User: mongodb.UserAdmin, Password: password, Database: mongodb.AdminDatabase})
	have, _, err := d.root.Configuration(t.Context(), true)
	d.must(err)
	d.mark = have.Settings.Identity.Hex()
	return d
}

func (d *double) open(address string, who wire.Login) *wire.Session {
	d.t.Helper()
	s, err := wire.Open(address, who)
	d.must(err)
	d.t.Cleanup(func() { s.Close(d.t.Context()) })
	return s
}

func (d *double) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// settle has the server have these, and returns those that it refused.
func (d *double) settle(wanted ...Wanted) map[string]string {
	d.t.Helper()
	refused, err := Settle(d.t.Context(), d.root, d.mark, wanted)
	d.must(err)
	return refused
}

// expectUsers compares the names of all but the administrator, with their databases.
func (d *double) expectUsers(want ...string) {
	d.t.Helper()
	var got []string
	for _, u := range d.users() {
		if u.User != mongodb.UserAdmin {
			got = append(got, u.DB+"."+u.User)
		}
	}
	expectSame(d.t, "the users", got, want)
}

func (d *double) users() []user {
	d.t.Helper()
	var have struct {
		Users []user `bson:"users"`
	}
	d.must(d.root.Run(d.t.Context(), &have, bson.D{{Key: "usersInfo", Value: bson.D{{Key: "forAllDBs", Value: true}}}}))
	return have.Users
}

// reads logs in as a user and reads its database.
func (d *double) reads(name, password, db string) error {
	s, err := d.root.As(wire.Login{User: name, Password: password, Database: db})
	d.must(err)
	defer s.Close(d.t.Context())
	return s.RunOn(d.t.Context(), db, nil, bson.D{{Key: "find", Value: "any"}, {Key: "limit", Value: 1}})
}

// byHand makes a user as somebody else would, with a mark or none.
func (d *double) byHand(name string, custom bson.D) {
	d.t.Helper()
	d.must(d.root.RunOn(d.t.Context(), "shop", nil, bson.D{
		{Key: "createUser", Value: name}, {Key: "pwd", Value: "by hand"}, {Key: "roles", Value: bson.A{"read"}}, {Key: "customData", Value: custom},
	}))
}
