// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"fmt"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

var _ engine.CautiousAdopter = Engine{}

// Cautions implements engine.CautiousAdopter. Whether there are client agents or other
// datacenters is not looked for: servers know it, and nobody asks them before they are
// ours. The NetworkPolicy is there from the first moment, so that both are cut off before
// the first pod is replaced.
func (Engine) Cautions(*v1alpha1.Datastore) []string {
	return []string{
		fmt.Sprintf("Consul's client agents in other pods or on nodes are cut off as soon as you agree: the NetworkPolicy of the members lets the ports %d (RPC, TCP) and %d (gossip, TCP and UDP) "+
			"through among members alone, in and out; where you have such agents, add a NetworkPolicy that lets both ports in from them and %d out to them first", PortServer, PortSerf, PortSerf),
		fmt.Sprintf("federation with other datacenters is cut off likewise, on port %d in and out and on %d (gossip between datacenters), and servers of ours have that gossip off, "+
			"so that no NetworkPolicy brings it back: do not agree where the set is federated", PortServer, portSerfWAN),
	}
}
