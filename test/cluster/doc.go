// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster tests the local cluster of hack/cluster for real, with its own program: it comes up, pods reach each
// other, nodes and the API server fail and come back, and it leaves nothing behind. The tests need root, and the build
// tag cluster.
package cluster
