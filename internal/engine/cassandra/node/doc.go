// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package node is the half of the engine Cassandra that runs in the agent, beside the
// server. It looks over CQL alone, which is cheap, and has nodetool carried out by the
// attendant in the server's container for what CQL cannot do.
package node
