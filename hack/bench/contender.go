// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"strings"
)

//go:embed manifests/tutorial.yaml
var tutorial string

//go:embed manifests/datastore.yaml
var datastore string

// setName is that of the StatefulSet and of the Datastore in all manifests.
const setName = "consul"

// size is the number of servers in all manifests.
const size = 3

// contender is one way to form three Consul servers.
type contender struct {
	// key is short; title says it to a reader.
	key, title string
	manifest   string
	// level is the Pod Security level that its namespace enforces.
	level string
	// operated tells that it has access control, a client Service and a
	// Datastore that becomes Ready.
	operated bool
}

var contenders = []contender{
	{key: "ordered", title: "tutorial, one pod after the other", manifest: byHand("OrderedReady"), level: "privileged"},
	{key: "parallel", title: "tutorial, all pods at once", manifest: byHand("Parallel"), level: "privileged"},
	{key: "datastore", title: "Datastore", manifest: datastore, level: "restricted", operated: true},
}

func byHand(order string) string {
	return strings.Replace(tutorial, "Policy: ORDER", "Policy: "+order, 1)
}
