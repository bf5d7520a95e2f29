// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package attend

import "syscall"

// endsWithThis does nothing here: no server runs on such a system.
func endsWithThis() *syscall.SysProcAttr { return nil }
