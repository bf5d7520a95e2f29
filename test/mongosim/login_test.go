// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongosim_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/await"
	"github.com/quorate/quorate/test/mongosim/code"
)

const key = "c2VjcmV0LW9mLXRoZS1zZXQ="

func createUser(name, password string, roles ...any) bson.D {
	return bson.D{{Key: "createUser", Value: name}, {Key: "pwd", Value: password}, {Key: "roles", Value: bson.A(roles)}}
}

// TestLocalhostException is the way in which a set comes to be: over loopback, until there is a user.
func TestLocalhostException(t *testing.T) {
	t.Parallel()
	h := start(t, withKeys(key))
	for _, command := range []bson.D{
		{{Key: "replSetGetConfig", Value: 1}}, {{Key: "listDatabases", Value: 1}}, {{Key: "find", Value: "x"}},
		{{Key: "serverStatus", Value: 1}}, {{Key: "replSetStepDown", Value: 1}}, {{Key: "getParameter", Value: "*"}},
		{{Key: "setParameter", Value: 1}, {Key: "logLevel", Value: 1}},
	} {
		_, err := h.admin(command)
		wantCode(t, err, code.Unauthorized)
	}
	_, err := h.admin(getStatus)
	wantCode(t, err, code.NotYetInitialized)
	_, err = h.admin(createUser("root", "pw", "root"))
	wantCode(t, err, code.NotWritablePrimary)
	must(t)(h.admin(initiateWith(config(h))))
	settled(t, h)
	if _, err := h.client().Database("other").RunCommand(t.Context(), createUser("u", "p", "read")).Raw(); err == nil {
		t.Error("a first user outside admin is created")
	}
	must(t)(h.admin(createUser("root", "p@ss:w/ord%", "root")))
	_, err = h.admin(getStatus)
	wantCode(t, err, code.Unauthorized)
	_, err = h.admin(createUser("second", "pw", "root"))
	wantCode(t, err, code.Unauthorized)
	// A fault can be switched over loopback, nothing else.
	must(t)(h.admin(bson.D{{Key: "setParameter", Value: 1}, {Key: "mongosimPeerDelayMillis", Value: 0}}))
	for _, command := range []bson.D{{{Key: "hello", Value: 1}}, {{Key: "ping", Value: 1}}, {{Key: "buildInfo", Value: 1}}} {
		must(t)(h.admin(command))
	}

	root := []string{"root", "p%40ss%3Aw%2Ford%25"}
	must(t)(h.admin(getStatus, root...))
	_, err = h.admin(createUser("root", "pw", "root"), root...)
	wantCode(t, err, code.UserExists)
	_, err = h.admin(createUser("x", "pw", "emperor"), root...)
	wantCode(t, err, code.RoleNotFound)
	if _, err := h.admin(getStatus, "root", "wrong"); err == nil || !strings.Contains(err.Error(), "AuthenticationFailed") {
		t.Errorf("with a wrong password: %v", err)
	}
	if _, err := h.admin(getStatus, "nobody", "pw"); err == nil || !strings.Contains(err.Error(), "AuthenticationFailed") {
		t.Errorf("as nobody: %v", err)
	}
}

func TestUsersAndRoles(t *testing.T) {
	t.Parallel()
	h := start(t, withKeys(key))
	must(t)(h.admin(initiateWith(config(h))))
	settled(t, h)
	must(t)(h.admin(createUser("root", "pw", "root")))
	root := []string{"root", "pw"}
	must(t)(h.admin(createUser("monitor", "pw", "clusterMonitor"), root...))
	must(t)(h.admin(createUser("app", "pw", bson.D{{Key: "role", Value: "readWrite"}, {Key: "db", Value: "shop"}}), root...))

	must(t)(h.admin(getStatus, "monitor", "pw"))
	_, err := h.admin(bson.D{{Key: "replSetStepDown", Value: 1}}, "monitor", "pw")
	wantCode(t, err, code.Unauthorized)
	app := h.client("app", "pw")
	if _, err := app.Database("shop").Collection("c").InsertOne(t.Context(), bson.D{{Key: "a", Value: 1}}); err != nil {
		t.Error(err)
	}
	_, err = app.Database("else").Collection("c").InsertOne(t.Context(), bson.D{{Key: "a", Value: 1}})
	wantCode(t, err, code.Unauthorized)
	_, err = h.admin(getStatus, "app", "pw")
	wantCode(t, err, code.Unauthorized)
	// Everyone may see themselves.
	own := must(t)(h.admin(bson.D{{Key: "usersInfo", Value: "app"}}, "app", "pw"))
	if name := own.Lookup("users", "0", "user").StringValue(); name != "app" {
		t.Errorf("got %s", own)
	}
	_, err = h.admin(bson.D{{Key: "usersInfo", Value: 1}}, "app", "pw")
	wantCode(t, err, code.Unauthorized)

	must(t)(h.admin(bson.D{{Key: "updateUser", Value: "app"}, {Key: "pwd", Value: "new"}}, root...))
	must(t)(h.admin(bson.D{{Key: "connectionStatus", Value: 1}}, "app", "new"))
	_, err = h.admin(bson.D{{Key: "updateUser", Value: "nobody"}, {Key: "pwd", Value: "new"}}, root...)
	wantCode(t, err, code.UserNotFound)
	must(t)(h.admin(bson.D{{Key: "dropUser", Value: "app"}}, root...))
	_, err = h.admin(bson.D{{Key: "dropUser", Value: "app"}}, root...)
	wantCode(t, err, code.UserNotFound)
	all := must(t)(h.admin(bson.D{{Key: "usersInfo", Value: 1}}, root...))
	if users, _ := all.Lookup("users").Array().Values(); len(users) != 2 {
		t.Errorf("users are %s", all)
	}
	if strings.Contains(all.String(), "storedKey") {
		t.Error("credentials are shown unasked")
	}
}

// TestKeysAreRotatedOneMemberAtATime: with both keys members reach those with either; with another key alone a member
// cannot be reached.
func TestKeysAreRotatedOneMemberAtATime(t *testing.T) {
	t.Parallel()
	const newKey = "YW5vdGhlci1zZWNyZXQ="
	hosts := form(t, 3, withKeys(key))
	restart := func(keys ...string) {
		for _, h := range hosts {
			h.kill()
			h.options.Keys = keys
			h.run()
			settled(t, hosts...)
		}
	}
	primary := settled(t, hosts...)
	must(t)(primary.admin(createUser("root", "pw", "root")))
	restart(key, newKey)
	restart(newKey, key)
	restart(newKey)
	odd := hosts[0]
	odd.kill()
	odd.options.Keys = []string{key}
	odd.run()
	primary = settled(t, hosts[1:]...)
	await.Until(t, func() error {
		status, err := primary.admin(getStatus, "root", "pw")
		if err != nil {
			return err
		}
		if state, _ := status.Lookup("members", "0", "state").AsInt64OK(); state != 8 {
			return fmt.Errorf("a member with another key: %s", status)
		}
		return nil
	})
	// Nor does it take itself for anything but a secondary without a set.
	hello := must(t)(odd.admin(bson.D{{Key: "hello", Value: 1}}))
	if writable, _ := hello.Lookup("isWritablePrimary").BooleanOK(); writable {
		t.Error(errors.New("the member with another key is primary"))
	}
}
