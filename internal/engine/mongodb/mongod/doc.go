// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package mongod is the half of the engine of MongoDB that runs in the agent, beside
// one server: what it reports of that server, and how it carries out a step.
package mongod
