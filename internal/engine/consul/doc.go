// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package consul is the engine of Consul servers.
//
// Consul knows its members by address and by an identity that each keeps on
// its volume. Every member advertises an address that never changes, so a
// restarted pod is the same member at the same place and neither gossip nor
// Raft takes note of it.
//
// What Consul would do to the membership by itself is switched off: it never
// removes a silent server, and a server that is stopped never leaves. It still
// adds a server that has met the others, and gives it its vote once it has been
// stable; hence a grant to start is the membership change, and there is no step
// to join or to promote.
//
// A running server takes up some of its settings without a restart, and says of
// itself which of them it has.
//
// Access control is always on, but for a set that was made by hand without any, see
// Open. Before it is bootstrapped no token is valid and
// only the status calls answer; they say enough to plan the bootstrap.
package consul
