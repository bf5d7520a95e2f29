// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

var _ engine.SecretAdopter = Engine{}

// The keys under which the user's own administrator travels, see engine.AdoptedKey.
var (
	AdoptedUser     = engine.AdoptedKey("username")
	AdoptedPassword = engine.AdoptedKey("password")
)

// AdoptedSecrets implements engine.SecretAdopter: the key file, which takes the place of
// one that would be made, and somebody who may make users.
func (Engine) AdoptedSecrets(d *v1alpha1.Datastore) []engine.AdoptedSecret {
	a := d.Spec.Adopt
	if a == nil || a.KeyFile == nil || letsAllIn(d) {
		return nil
	}
	key, admin := a.KeyFile.SecretRef, a.KeyFile.AdministratorSecretRef.Name
	return []engine.AdoptedSecret{
		{Key: CredentialKeyFile, Ref: key, Read: readKeyFile},
		{Key: AdoptedUser, Ref: v1alpha1.SecretKeyReference{Name: admin, Key: corev1.BasicAuthUsernameKey}, Read: readLogin},
		{Key: AdoptedPassword, Ref: v1alpha1.SecretKeyReference{Name: admin, Key: corev1.BasicAuthPasswordKey}, Read: readLogin},
	}
}

// What a server takes for a key, and how long it is.
var aKey = regexp.MustCompile(`^[A-Za-z0-9+/]+={0,2}$`)

const shortestKey, longestKey = 6, 1024

// readKeyFile takes the white space out, which does not count for a server. A file with
// more than one key is in the middle of a rotation, whose next phase nobody here knows.
func readKeyFile(value []byte) ([]byte, error) {
	if strings.HasPrefix(strings.TrimSpace(string(value)), "- ") {
		return nil, errors.New("it has more than one key: finish the rotation first")
	}
	key := strings.Join(strings.Fields(string(value)), "")
	if !aKey.MatchString(key) || len(key) < shortestKey || len(key) > longestKey {
		return nil, fmt.Errorf("it is no key file: that has %d to %d characters of base64", shortestKey, longestKey)
	}
	return []byte(key), nil
}

// mostLogin bounds a name and a password.
const mostLogin = 1024

func readLogin(value []byte) ([]byte, error) {
	if len(value) == 0 || len(value) > mostLogin || !utf8.Valid(value) || slices.ContainsFunc([]rune(string(value)), unicode.IsControl) {
		return nil, fmt.Errorf("it must have 1 to %d bytes and no control characters, such as a newline at its end", mostLogin)
	}
	return value, nil
}

// SecretFiles implements engine.SecretAdopter.
func (Engine) SecretFiles(server corev1.Container) map[string]string {
	words, ok := flagsOf(server)
	if !ok {
		return nil
	}
	out := map[string]string{}
	for len(words) > 0 {
		var flag, value string
		flag, value, words = nextFlag(words)
		if flag == "keyFile" {
			out[value] = CredentialKeyFile
		}
	}
	return out
}

// Introduce implements engine.SecretAdopter: a member that was taken over, whose agent the
// server does not let in, is given the user's administrator. Nobody is asked once one
// agent was let in: the others are as soon as their servers have heard of it.
func (Engine) Introduce(have engine.Observation) (engine.Step, bool) {
	ask := ""
	for _, m := range have.Members {
		r := m.Report
		if r == nil || r.Volume != engine.VolumeMember || r.Grant != engine.GrantAdopt || !r.Server.Running || !r.Server.Formed {
			continue
		}
		if r.Server.Facts[FactUsers] == UsersReady {
			return engine.Step{}, false
		}
		ask = m.Name
	}
	return engine.Step{
		Kind: engine.StepBootstrap, Member: ask, Params: map[string]string{ParamPhase: PhaseAdopt},
		Secrets: []string{CredentialAdmin, CredentialAgent, AdoptedUser, AdoptedPassword}, Why: "the set does not know the operator's own users yet",
	}, ask != ""
}
