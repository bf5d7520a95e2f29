// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"cmp"
	"slices"
)

// merge takes what the members of a ring say of it for one: all whom anybody names, each
// under the identity and the address that it is named by. One has joined, and is
// healthy, where nobody says the contrary and all who answer name it. So a ring in
// which the members do not agree never looks like one in which all is well.
func merge(views []Heard) (peers []Peer, health []Server) {
	type name struct{ id, address string }
	votes, healthy := map[name]int{}, map[name]int{}
	for _, v := range views {
		for _, p := range v.Peers {
			n := name{p.ID, p.Address}
			if _, named := votes[n]; !named {
				votes[n] = 0
				peers = append(peers, Peer{ID: p.ID, Address: p.Address})
			}
			if p.Voter {
				votes[n]++
			}
			if slices.ContainsFunc(v.Health, func(s Server) bool { return s.ID == p.ID && s.Healthy }) {
				healthy[n]++
			}
		}
	}
	slices.SortFunc(peers, func(a, b Peer) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Address, b.Address)) })
	for i := range peers {
		n := name{peers[i].ID, peers[i].Address}
		peers[i].Voter = votes[n] == len(views)
		health = append(health, Server{ID: n.id, Voter: peers[i].Voter, Healthy: healthy[n] == len(views)})
	}
	return peers, health
}
