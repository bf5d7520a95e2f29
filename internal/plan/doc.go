// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package plan decides, and does nothing else.
//
// Next is a pure function from an observed State to a Decision: what the
// ledger must say before anything is sent, the shape of the StatefulSet, the
// grants and at most one disruptive step, and the reason for what waits. It
// has no client, no clock and no context, so that it can be simulated through
// every interleaving of crashes, losses and stale views.
//
// The decision is carried out in the order of its fields: first the ledger,
// then the shape, then pods, then what is asked of the agents. A crash between
// any two leaves a state from which Next goes on; nothing is remembered
// elsewhere.
//
// What is not done here: a member is never evicted because it is silent, no
// claim is deleted while it may be a member's, and a set of which the ledger
// says that it has formed is never formed again, whatever is missing.
package plan
