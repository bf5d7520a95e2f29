// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package resource renders the child objects of a Datastore, one file per
// kind. All of it is pure: no client, no clock, no randomness.
//
// A Builder says how each object shall be. What is sent is decided by two more
// functions, so that at rest nothing is: Owned tells whether an object of that
// name is this Datastore's to change, and NeedsApply whether it differs from
// what is wanted. Seal makes the form that is sent, by server-side apply.
//
// Two kinds of children differ in whom they belong to. Most are controlled by
// the Datastore and go with it. Ledger and credentials are owned, without a
// controller, by the Datastore and by every claim, and go with the last of
// them; they are known by the identity of the set (see KeepOwners).
package resource
