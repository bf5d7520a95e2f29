// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package enginetest is the contract suite that every engine must pass, and
// the simulation that the planner is proven with.
//
// A World holds what one datastore is made of: pods, claims and volumes, the
// StatefulSet and its controller, the agents with gates and markers, the
// ledger with its compare-and-swap, up to two managers, and the servers, which
// are a Model. It is a value without clock or randomness that can be copied
// and compared, so that Explore can walk every interleaving of its actions
// within the bounds of a Scenario: what the servers, the agents and the
// controllers do by themselves, passes of the manager that end, crash or
// linger between any two of their effects, and faults.
//
// The laws of the design are checked at every step against what is true in
// the model, not against what was reported. From the states that are reached,
// the world must also come to rest where it was wanted once the faults end, or
// say why it cannot; and serve without any manager, if a quorum can.
//
// The planner, the agents' fence, gate and volume classification are the real
// ones. The executor of a decision and the StatefulSet controller are models
// of the real ones: what they assume of the real manager is listed at Executor.
package enginetest
