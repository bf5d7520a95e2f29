// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package await is how the tests of the double wait for what its servers do by
// themselves: elections, heartbeats, and members that catch up.
package await

import (
	"testing"
	"time"
)

// Patience is more than any of that takes on a busy machine.
const Patience = 30 * time.Second

// Until waits for a condition that only time can bring about, and fails with what it
// says is missing.
func Until(t *testing.T, condition func() error) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
