// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// sample is what the demo of one engine applies.
type sample struct {
	// folder holds the manifests of namespace and Datastore.
	folder string
	// namespace and name of the Datastore in it.
	namespace, name string
}

var samples = map[string]sample{
	"consul": {folder: "config/samples", namespace: "consul-demo", name: "consul"},
}
