// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"encoding/base64"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/fleet"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/wrappers"
)

func TestRandomCredential(t *testing.T) {
	uuid4 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for format, good := range map[engine.CredentialFormat]func([]byte) bool{
		engine.CredentialUUID: uuid4.Match,
		engine.CredentialBase64: func(b []byte) bool {
			raw, err := base64.StdEncoding.DecodeString(string(b))
			return err == nil && len(raw) == 32
		},
		engine.CredentialLongBase64: func(b []byte) bool {
			raw, err := base64.StdEncoding.DecodeString(string(b))
			return err == nil && len(raw) == 756
		},
	} {
		seen := map[string]bool{}
		for range 100 {
			value := randomCredential(format)
			if !good(value) {
				t.Fatalf("%s: %q", format, value)
			}
			if seen[string(value)] {
				t.Fatalf("%s: the same twice", format)
			}
			seen[string(value)] = true
		}
	}
}

// Whatever is missing is seen, and named.
func TestMissingCredentials(t *testing.T) {
	d := wrappers.MakeDatastore("db").Obj()
	whole := func() *credentials {
		return &credentials{authority: &corev1.Secret{}, manager: &corev1.Secret{}, member: &corev1.Secret{}}
	}
	if got := whole().missing(d); got != "" {
		t.Errorf("%s is missing", got)
	}
	for want, lose := range map[string]func(*credentials){
		"db-ca":      func(c *credentials) { c.authority = nil },
		"db-manager": func(c *credentials) { c.manager = nil },
		"db-member":  func(c *credentials) { c.member = nil },
	} {
		c := whole()
		lose(c)
		if got := c.missing(d); got != want {
			t.Errorf("%q is missing, want %q", got, want)
		}
	}
}

// Each credential is read from the Secret of its holder only, and nothing is
// invented where that is missing (law 7).
func TestCredentialValues(t *testing.T) {
	specs := credentialEngine{}.Traits().Credentials
	got := asking().secrets.values(specs)
	want := map[string][]byte{"gossip": []byte("g"), "management": []byte("m"), "other": []byte("o")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := (&credentials{}).values(specs); len(got) != 0 {
		t.Errorf("%v from nothing", got)
	}
}

func TestCredentialIdentity(t *testing.T) {
	if _, ok := (&credentials{member: &corev1.Secret{}}).identity(); ok {
		t.Error("an identity without the manager's pair")
	}
	c := &credentials{manager: &corev1.Secret{Data: map[string][]byte{
		resource.AuthorityKey: []byte("ca"), resource.CertificateKey: []byte("cert"), resource.PrivateKey: []byte("key"),
	}}}
	if got, ok := c.identity(); !ok || got != (fleet.Identity{CA: "ca", Cert: "cert", Key: "key"}) {
		t.Errorf("%v, %v", got, ok)
	}
}
