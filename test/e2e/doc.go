// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the product on a real cluster: real kubelets, real Consul,
// the operator installed by its chart. It is built with the tag e2e.
//
//	make test-e2e                     on a cluster that it makes and removes
//	make test-e2e CLUSTER=kind        on kind
//	make test-e2e CLUSTER=existing    on the cluster of the kubeconfig
package e2e
