// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package consulagent is the half of the Consul engine that is beside a server: in the
// agent. It talks to that server alone, by its HTTP interface on localhost, and to
// the volume where the server does not run. What is done, and when, is decided in
// package consul.
package consulagent
