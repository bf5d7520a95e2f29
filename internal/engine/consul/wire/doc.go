// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wire is how a Consul server is spoken to by whoever is beside it: what is
// read of its description of itself, and changes of what all servers share that are
// made by looking first. It knows no volume and keeps no state.
package wire
