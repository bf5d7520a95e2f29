// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"time"

	"github.com/quorate/quorate/internal/engine"
)

const (
	// quick is the pace while something is expected to happen, steady that of
	// a member at rest.
	quick  = 200 * time.Millisecond
	steady = time.Second
)

// pace returns the time until the next look. A server that cannot be running
// needs no looking at; a grant makes itself known.
func pace(server engine.Server, released, formed, acting bool) time.Duration {
	settled := formed && server.Running && server.Serving && !acting
	if !released || settled {
		return steady
	}
	return quick
}
