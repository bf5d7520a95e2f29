// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"crypto/sha256"
	"encoding/hex"
)

// RecoveryToken is the token by which a server describes itself to the agent beside it
// while it can resolve no other: one that was started where nobody leads knows of no
// tokens, since it does not know which entries of its log are committed. It is good for
// the calls about that server itself, which the agents' token is good for too, and for
// nothing in the set. It follows from the agents' token, so that there is no other secret
// to keep, and is not the same: Consul would take that for this one, and allow it no more.
func RecoveryToken(agent string) string {
	sum := sha256.Sum256([]byte("agent recovery\x00" + agent))
	return hex.EncodeToString(sum[:])
}
