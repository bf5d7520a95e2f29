// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package mongosim is a double of mongod: a server of its own that speaks the wire protocol of MongoDB and forms real
// replica sets, for tests of the operator where no mongod can be had. It is test equipment and never shipped; what is
// proven with it only has to be marked so.
package mongosim
