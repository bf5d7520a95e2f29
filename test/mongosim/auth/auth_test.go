// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		want    []string
	}{
		"one":             {"c2VjcmV0\n", []string{"c2VjcmV0"}},
		"over some lines": {"c2Vj\ncmV0 \n", []string{"c2VjcmV0"}},
		"a list":          {"- c2VjcmV0\n- \"b3RoZXI=\"\n", []string{"c2VjcmV0", "b3RoZXI="}},
		"the longest":     {strings.Repeat("ab12", 256), []string{strings.Repeat("ab12", 256)}},
		"too short":       {"abcde", nil},
		"too long":        {strings.Repeat("ab12", 256) + "a", nil},
		"no base64":       {"secret-of-ours", nil},
		"bad one of two":  {"- c2VjcmV0\n- x\n", nil},
		"more than two":   {"- c2VjcmV0\n- b3RoZXI=\n- dGhpcmQ=\n", nil},
		"nothing":         {"", nil},
	} {
		got, err := ParseKeys([]byte(test.content))
		if !slices.Equal(got, test.want) || (err == nil) != (test.want != nil) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestAKeyFileOpenToOthersIsRefused(t *testing.T) {
	for mode, want := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o440: false} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte("c2VjcmV0"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKeys(path); (err == nil) != want {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if _, err := LoadKeys(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is read")
	}
}

// talk has both sides talk, and returns the error of either.
func talk(client *Client, credentials ...*Credential) error {
	server := &Server{}
	first, err := server.Start(client.Start(), func(user string) []*Credential {
		if user != client.User {
			return nil
		}
		return credentials
	})
	if err != nil {
		return err
	}
	proof, err := client.Prove(first)
	if err != nil {
		return err
	}
	last, err := server.Finish(proof)
	if err != nil {
		return err
	}
	return client.Verify(last)
}

func TestScram(t *testing.T) {
	credential, err := NewCredential("pencil", nil, 100)
	if err != nil {
		t.Fatal(err)
	}
	second, err := NewCredential("feather", credential.Salt, 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := talk(&Client{User: "u=s,er", Password: "pencil"}, credential); err != nil {
		t.Error(err)
	}
	for _, password := range []string{"pencil", "feather"} {
		if err := talk(&Client{User: "u", Password: password}, credential, second); err != nil {
			t.Errorf("%s of two: %v", password, err)
		}
	}
	if err := talk(&Client{User: "u", Password: "brush"}, credential, second); err == nil {
		t.Error("a wrong password is good")
	}
	if err := talk(&Client{User: "u", Password: "pencil"}); err == nil {
		t.Error("somebody without credentials is let in")
	}
	forged := *credential
	forged.ServerKey = second.ServerKey
	if err := talk(&Client{User: "u", Password: "pencil"}, &forged); err == nil {
		t.Error("a server that does not know the password is believed")
	}
}

func TestKeyringAcceptsAnyKey(t *testing.T) {
	ring := &Keyring{Keys: []string{"b2xkLWtleQ==", "bmV3LWtleQ=="}}
	for _, key := range ring.Keys {
		if err := talk(&Client{User: SystemUser, Password: key, Salted: (&Keyring{}).Salted}, ring.System()...); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if len((&Keyring{}).System()) != 0 {
		t.Error("without keys there are credentials")
	}
}

func TestAllowed(t *testing.T) {
	for name, test := range map[string]struct {
		role  Role
		class Class
		db    string
		want  bool
	}{
		"root writes anywhere":            {Role{"root", "admin"}, Write, "x", true},
		"root is no member":               {Role{"root", "admin"}, Internal, "admin", false},
		"readWrite in its own":            {Role{"readWrite", "x"}, Write, "x", true},
		"readWrite elsewhere":             {Role{"readWrite", "x"}, Write, "y", false},
		"readWriteAnyDatabase":            {Role{"readWriteAnyDatabase", "admin"}, Write, "y", true},
		"readWriteAnyDatabase on the set": {Role{"readWriteAnyDatabase", "admin"}, Manage, "admin", false},
		"clusterMonitor looks":            {Role{"clusterMonitor", "admin"}, Monitor, "admin", true},
		"clusterMonitor changes":          {Role{"clusterMonitor", "admin"}, Manage, "admin", false},
		"clusterAdmin changes":            {Role{"clusterAdmin", "admin"}, Manage, "admin", true},
		"clusterAdmin reads documents":    {Role{"clusterAdmin", "admin"}, Read, "x", false},
		"anyone logged in":                {Role{"read", "x"}, LoggedIn, "y", true},
	} {
		if got := Allowed([]Role{test.role}, test.class, test.db); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
