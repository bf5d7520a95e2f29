// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package mongosim is a double of mongod: a server of its own that speaks the wire protocol of MongoDB and forms real
// replica sets, for tests of the operator where no mongod can be had. It is test equipment and never shipped; what is
// proven with it only has to be marked so. Command mongod in cmd is the server, hack/images makes images of it.
//
// # What is real
//
// Processes that find each other over the network, elect a primary, replicate and commit by majority, and keep all of
// it on disk; the configuration document with its rules, the codes that refuse it and the order in which they come;
// the log-in by SCRAM-SHA-256, the key file and the localhost exception; retryable writes that are carried out once;
// hello that answers the moment something changes; the feature compatibility version. Its only client in tests is the
// official driver.
//
// # Faults on demand
//
// Parameters that begin with mongosim, by setParameter over loopback without a log-in, on the command line, or in the
// environment variable MONGOSIM_PARAMETERS as name=value with commas between:
//
//   - mongosimInitialSyncDocsPerSecond: how fast an empty member fills; it is STARTUP2 for as long.
//   - mongosimPeerDelayMillis: how long everything that the member sends to others is held back.
//   - mongosimLogEntries: after how many operations an absent member is too stale to return; only at the start.
//
// A process that is stopped by SIGSTOP is frozen, and one that is killed is killed.
//
// # What it does not do
//
//   - A write is carried out only once a majority has it. So a write concern of 1 waits for the majority too, no write
//     is ever rolled back, and state ROLLBACK does not occur. An operator that loses writes which were acknowledged by
//     fewer than a majority is not found out.
//   - A write whose wtimeout passes before a majority has it is answered with the count that was asked for, as if it
//     had been carried out.
//   - A member that has lost its data does not vote until it is filled again; the server is said to be weaker here. It
//     copies from the primary only, and all in memory, as the log is: the double is not for large data.
//   - No transactions, change streams, sharding, TLS, compression, x.509, LDAP, SCRAM-SHA-1, indexes but that of _id,
//     projections, aggregation but for counting, sorts by more than one key, causal consistency, cluster time, unix
//     sockets, and no database local with an oplog to be read. What it does not know it refuses.
//   - Some roles: those in package auth. A role that is not listed there cannot be given.
//   - Tags, custom write concerns, and the delay of delayed members have no effect; an arbiter keeps the
//     data and shows none.
//   - Members hear of each other by Raft's heartbeats too, twenty to an election timeout, so that they notice some
//     faults sooner than by the heartbeats of the set alone.
//   - A forced configuration makes a primary step down for a moment.
//
// # What is unverified
//
// The rules are those of notes on the source of the server and of its documentation, not of a run against one. In
// particular: that members with priority 0 are in passives; that a voter which is new counts towards the one voter that
// a change may add; code 50 where a new configuration was installed and not committed in time; that a terminated
// member of a set lasts for the whole of shutdownTimeoutMillisForSignaledShutdown and refuses hello meanwhile; what a
// member whose binary is too old for the set's data does (here it stays in STARTUP2); the wording of messages.
package mongosim
