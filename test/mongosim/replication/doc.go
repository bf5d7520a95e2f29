// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package replication makes one server a member of a replica set. It keeps the set's configuration and spreads it by
// heartbeats, elects, replicates and commits through go.etcd.io/raft, and fills an empty member.
//
// What is Raft's here and what is the server's own way:
//
//   - The log, its commitment and the counting of votes are Raft's. The member only says when to stand: after an
//     election timeout without a primary, by priority, never while frozen.
//   - The configuration is not in the log. It is a document with version and term that members install as soon as they
//     hear of a newer one, as the server does it; Raft is told who votes after each installation. What makes that safe is
//     the server's too: one voting member changed at a time, only once the configuration before is held by a majority
//     that also has what was committed under it, and no vote for a candidate with an older configuration. A forced
//     configuration gives these up.
//   - A write is carried out when it is committed, on the primary too. So there are no rollbacks: nothing that a
//     client was told, or read, can go away, not even by write concern 1. The server is weaker.
//   - A member without data copies a primary's, or, in a set that never had a primary, that of the member that
//     initiated it. Until it has it neither votes nor answers.
//   - A member that lags behind the beginning of the primary's log is RECOVERING until its data is removed.
//   - An arbiter keeps log and documents, and shows none.
package replication
