// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package attend

import "syscall"

// endsWithThis has a tool end with this process. One that outlived it would do what nobody
// knows of any more: the agent is told that nobody carries it out, and what it was for may
// be taken back.
func endsWithThis() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
