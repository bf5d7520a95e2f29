// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package users brings the users that a server has in line with those that are
// wanted. It remembers nothing, and decides neither when that is done nor whether
// this server is the one to ask: that is the caller's.
package users
