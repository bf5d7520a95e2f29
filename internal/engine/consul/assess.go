// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"cmp"
	"fmt"
	"net"
	"slices"

	"github.com/quorate/quorate/internal/engine"
)

// Assess takes the word of the leader with the highest term, and of it only
// what it could confirm with a quorum at the time.
//
// Nothing is known where nobody leads, where two claim the same term, where a
// member of the set has seen a later term (an election is under way), and
// before the access control is bootstrapped (nobody may read the membership).
func (Engine) Assess(have engine.Observation) engine.Assessment {
	a, _ := assess(have)
	return a
}

// assess also returns the leader's report, if exactly one member leads.
func assess(have engine.Observation) (engine.Assessment, *engine.Report) {
	a := engine.Assessment{Formed: have.Formed()}
	name, lead, why := have.Lead()
	if lead == nil {
		a.Why = why
		return a, nil
	}
	a.Leader, a.Term = name, lead.Server.Term
	switch {
	case lead.Server.Facts[FactACL] != ACLReady && lead.Server.Facts[FactACL] != ACLOpen:
		a.Why = "access control is not bootstrapped yet"
		return a, lead
	case lead.Server.View == nil:
		a.Why = fmt.Sprintf("%s leads but could not confirm it with a quorum", name)
		return a, lead
	}
	view := lead.Server.View
	if later := have.Later(view, a.Term); later != "" {
		a.Why = fmt.Sprintf("%s has seen a later term than %s, which leads in term %d", later, name, a.Term)
		return a, lead
	}
	a.Known, a.Serving, a.Usable = true, true, true
	a.Peers = namePeers(have, view)
	voters, healthy := a.Voters()
	a.Tolerance = max(0, min(view.Tolerance, healthy-engine.Majority(voters)))
	return a, lead
}

// namePeers completes the leader's view: a peer that gossip has no name for is
// named by its identity or its address, and one is healthy only if its own
// member says so too, since the leader notices a loss seconds late.
func namePeers(have engine.Observation, view *engine.View) []engine.Peer {
	peers := slices.Clone(view.Peers)
	for i := range peers {
		p := &peers[i]
		if p.Name == "" {
			p.Name = nameOf(have, *p)
		}
		p.Healthy = p.Healthy && have.Serves(*p)
	}
	slices.SortFunc(peers, func(a, b engine.Peer) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return peers
}

func nameOf(have engine.Observation, p engine.Peer) string {
	for _, m := range have.Members {
		if m.Report != nil && m.Report.Server.ID == p.ID {
			return m.Name
		}
	}
	host, _, err := net.SplitHostPort(p.Address)
	if err != nil {
		return ""
	}
	for _, m := range have.Members {
		if m.Address != "" && m.Address == host {
			return m.Name
		}
	}
	return ""
}
