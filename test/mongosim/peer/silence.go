// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// silenceLimit is how long what was sent may go unacknowledged. Without it a line to a member that has moved, and whose
// old address swallows everything, would be taken for a good one for a quarter of an hour.
const silenceLimit = 5 * time.Second

func giveUpOnSilence(_, _ string, conn syscall.RawConn) error {
	var failed error
	err := conn.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silenceLimit.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
