// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/sha256"
	"fmt"
	"sync"
)

// SystemUser is who the members of a set are to each other, in the database SystemDB.
const (
	SystemUser = "__system"
	SystemDB   = "local"
)

// Keyring holds the keys of a set and what was derived from them: deriving takes long on purpose, and members connect
// to each other often.
type Keyring struct {
	Keys []string

	mu     sync.Mutex
	salted map[string][]byte
	system []*Credential
}

// System returns the credentials by which any of the keys is accepted. They share a salt that is the same on all
// members with the same first key, so that peers can keep what they derive.
func (k *Keyring) System() []*Credential {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.system == nil && len(k.Keys) > 0 {
		salt := sha256.Sum256([]byte("mongosim " + k.Keys[0]))
		for _, key := range k.Keys {
			c, err := NewCredential(key, salt[:28], DefaultIterations)
			if err != nil {
				continue // a key of base64 can always be prepared.
			}
			k.system = append(k.system, c)
		}
	}
	return k.system
}

// Salted derives once and remembers.
func (k *Keyring) Salted(password string, salt []byte, iterations int) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	name := fmt.Sprintf("%s %x %d", password, salt, iterations)
	if known, ok := k.salted[name]; ok {
		return known, nil
	}
	salted, err := saltPassword(password, salt, iterations)
	if err != nil {
		return nil, err
	}
	if k.salted == nil {
		k.salted = map[string][]byte{}
	}
	k.salted[name] = salted
	return salted, nil
}
