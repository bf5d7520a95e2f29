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

// facts are what the pace goes by.
type facts struct {
	// released: a server may be running. open: it may start. A member that is
	// leaving is released and no longer open.
	released, open bool
	// formed is the marker's; acting, that an action is being carried out.
	formed, acting bool
}

// pace returns the time until the next look. A server that cannot be running
// needs no looking at; a grant makes itself known.
func pace(server engine.Server, f facts) time.Duration {
	settled := f.open && f.formed && !f.acting && server.Running && server.Serving
	if !f.released || settled {
		return steady
	}
	return quick
}
