// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wire is how one server is spoken to, through the driver: sessions with it,
// and the documents that it answers with. It knows no steps.
package wire
