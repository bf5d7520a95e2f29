// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/engine/enginetest"
)

// TestThisHalfIsPure has the half that decides know nothing of the driver, nor of
// the half beside the servers.
func TestThisHalfIsPure(t *testing.T) {
	enginetest.ExpectApart(t, func(path string) bool {
		return strings.HasPrefix(path, "go.mongodb.org/") || strings.Contains(path, "/engine/mongodb/")
	})
}
