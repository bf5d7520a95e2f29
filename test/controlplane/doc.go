// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controlplane runs the real controller in a control plane where only
// the nodes are not real: API server, controllers and scheduler are, the nodes
// are kwok's, and agents and servers are doubles.
// It is built with the tag controlplane.
package controlplane
