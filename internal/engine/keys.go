// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"crypto/sha256"
	"encoding/hex"
)

// KeyPhase is a part of the rotation of a key that all servers share, or of a
// password: of that there are Introduce, Use and Promote alone.
type KeyPhase string

const (
	// KeyIntroduce puts the next key beside the present one in the Secret. It is
	// carried out by the core; no agent is asked.
	KeyIntroduce KeyPhase = "Introduce"
	// KeyAdd gives every server the next key, beside the one that it uses.
	KeyAdd KeyPhase = "Add"
	// KeyUse has every server use the next key; the former is still good. The next
	// password is the only one that is good from then on.
	KeyUse KeyPhase = "Use"
	// KeyPromote puts the next key in the present one's place in the Secret, and
	// keeps that one beside it as the former, where anybody may have that alone. It is
	// carried out by the core.
	KeyPromote KeyPhase = "Promote"
	// KeyForget takes the former key out of the Secret. It is carried out by the
	// core.
	KeyForget KeyPhase = "Forget"
	// KeyRemove takes every other key from every server.
	KeyRemove KeyPhase = "Remove"
)

// InSecret tells whether a phase is a write to the Secret and nothing else.
func (p KeyPhase) InSecret() bool {
	return p == KeyIntroduce || p == KeyPromote || p == KeyForget
}

// KeyChange is what a RotateKey does.
type KeyChange struct {
	Phase KeyPhase `json:"phase"`
	// Credential is the key in the Secret under which the value is, and under which
	// it travels with the step.
	Credential string `json:"credential"`
	// Hash is that of the key which is added or used, or which is left alone. An
	// agent refuses a step whose value is another.
	Hash string `json:"hash"`
}

// KeyRotator is implemented by engines whose servers share a key, or know a password,
// that can be rotated while they run.
type KeyRotator interface {
	// KeyStep returns who carries a change out, and what else it needs; false where
	// nobody can be asked. The core fills in Kind, Key and the value.
	KeyStep(c KeyChange, have Observation) (Step, bool)
}

// keyHashBytes is how much of a SHA-256 is kept.
const keyHashBytes = 16

// KeyHash names a random key without telling it. It is the hash that agents report
// of what is mounted.
func KeyHash(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:keyHashBytes])
}
