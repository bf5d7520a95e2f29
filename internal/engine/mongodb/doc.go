// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package mongodb is the engine of MongoDB replica sets: the half that decides, which
// is pure. Package mongod is the half beside a server, and package wire how that is
// spoken to.
//
// The membership is a configuration document. A member is known in it by its
// name in DNS, and has a number there, which is its identity: a server has none
// before the primary has added it, and none after it was taken out. Every change
// is a step: a started member is added without a vote, gets its vote once it has
// caught up, loses it, and is taken out. Each is carried out by the primary, one
// at a time, and waits until a majority has the configuration.
//
// No file makes a server form a set. One is told to, over the exception that
// lets a caller from localhost in while there are no users; and only one whose
// volume was granted for that. Once any server holds a configuration nobody is
// told to again.
//
// A reconfiguration is never forced, but in a recovery that the user agreed to,
// and a step-down never.
package mongodb
