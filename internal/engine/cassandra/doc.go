// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cassandra is the engine for Apache Cassandra: a ring of one rack in one
// datacenter.
//
// Nobody leads a ring. The first member begins it alone, as its own seed; starting
// any other server on an empty volume is joining, one at a time. Which members there
// are each of them knows by gossip, and what a majority of them says alike, and
// nobody otherwise, is taken for so.
//
// Every member has a vote, by which the core means a full part in the ring. How many
// of them may be down follows from the replication factor, which the operator knows
// of the keyspaces that it owns: three, or as many as there are members.
//
// This package is the pure half and what the init container renders; package node is
// the agent's half, beside the server.
package cassandra
