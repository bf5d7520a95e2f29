// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package engine holds the contract between the core of Quorate and one kind
// of server.
//
// The core observes, plans, guards and acts; it knows no engine by name. An
// engine says what its server needs (Traits, Template), reads what the agents
// report (Assess) and names the membership steps still to do (Plan). It never
// decides whether a step may run now: every step passes the same guards in
// package plan.
//
// All of Engine is pure: no clock, no network, no randomness. Local is the
// half of an engine that runs inside the agent, beside its own server and
// talking to nobody else.
package engine
