// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the product on a real cluster: real kubelets, real Consul,
// the operator installed by its chart. It is built with the tag e2e.
//
//	make test-e2e                     on a cluster that it makes and removes
//	make test-e2e CLUSTER=kind        on kind
//	make test-e2e CLUSTER=existing    on the cluster of the kubeconfig
//
// The specs with the label mongodb are run by themselves, on a cluster of another
// name. Their client is MongoDB's own Go driver; their server is the double of
// test/mongosim where MongoDB's own cannot be had.
//
//	make test-mongodb                                on a cluster that it makes, with the double
//	make test-mongodb CLUSTER=kind                   on kind, with mongo:7.0 and mongo:8.0
//	make test-mongodb CLUSTER=kind MONGODB=double    on kind, with the double
package e2e
