// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/quorate/quorate/hack/bench/manifests"

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
	{key: "ordered", title: "tutorial, one pod after the other", manifest: manifests.Tutorial("OrderedReady"), level: "privileged"},
	{key: "parallel", title: "tutorial, all pods at once", manifest: manifests.Tutorial("Parallel"), level: "privileged"},
	{key: "datastore", title: "Datastore", manifest: manifests.Datastore(), level: "restricted", operated: true},
}
