// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cassandra

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/quorate/quorate/internal/engine"
)

// spare is how many times its share of what a leaving member has each other one must have
// room for: shares are not even, and tables are rewritten beside the former ones.
const spare = 2

// noRoom says why a member cannot leave yet, since those that stay have no room for what it
// has; empty where they do, or it is leaving already. What is not known is no room. Those
// that are wanted need room for all of it, since what others of the unwanted get comes to
// them in the end; those others need room for their own share.
//
// With racks the others in its rack need room for all of it among them, since a copy
// stays in its rack as long as that has a member; and those elsewhere as without, since a
// keyspace may have fewer copies than there are racks, or more.
func noRoom(want engine.Desired, a engine.Assessment, have engine.Observation, leaver engine.Peer) string {
	r := have.Report(leaver.Name)
	if r == nil || r.Server.Leaving {
		return "" // the core asks nobody that is silent
	}
	others := slices.DeleteFunc(slices.Clone(a.Peers), func(p engine.Peer) bool { return !p.Voter || p.ID == leaver.ID })
	stay := slices.DeleteFunc(slices.Clone(others), func(p engine.Peer) bool { return !want.Wants(p.Name) })
	data := r.Server.Space
	if data == nil {
		return fmt.Sprintf("how much data %s has is not known yet", leaver.Name)
	}
	rack := rackOf(have, leaver)
	for _, p := range others {
		sharers := others
		if want.Wants(p.Name) {
			sharers = stay
		}
		if rack != "" && rackOf(have, p) == rack {
			sharers = slices.DeleteFunc(slices.Clone(sharers), func(o engine.Peer) bool { return rackOf(have, o) != rack })
		}
		need := spare * data.Data / int64(max(1, len(sharers)))
		switch r := have.Report(p.Name); {
		case need == 0 || r == nil:
		case r.Server.Space == nil:
			return fmt.Sprintf("how much room %s has is not known yet", p.Name)
		case r.Server.Space.Free < need:
			return fmt.Sprintf("%s has about %s free, and needs %s for its share of the %s that %s has%s: raise spec.storage.size, remove data, or put replicas back",
				p.Name, size(r.Server.Space.Free), size(need), size(data.Data), leaver.Name, mostOf(have.Report(leaver.Name)))
		}
	}
	return ""
}

// rackOf is that of a member; empty where there are no racks.
func rackOf(have engine.Observation, p engine.Peer) string {
	for _, m := range have.Members {
		if m.Name == p.Name {
			return m.Rack
		}
	}
	return ""
}

// mostOf names the keyspace that has the most.
func mostOf(r *engine.Report) string {
	if name := r.Server.Facts[FactLargest]; name != "" {
		return ", most of it in the keyspace " + name
	}
	return ""
}

func size(n int64) string { return resource.NewQuantity(n, resource.BinarySI).String() }
