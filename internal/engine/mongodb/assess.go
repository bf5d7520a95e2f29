// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/quorate/quorate/internal/engine"
)

// Assess takes the word of the primary with the highest term, and of it only
// what it could confirm with a majority at the time.
//
// Nothing is known where no primary reports or two claim the same term, where a
// member has seen a later configuration than the primary (an election or a change
// is under way), and before there are users (nobody may read the membership).
func (Engine) Assess(have engine.Observation) engine.Assessment {
	a, _ := assess(have)
	return a
}

// assess also returns the primary's report, if there is exactly one.
func assess(have engine.Observation) (engine.Assessment, *engine.Report) {
	a := engine.Assessment{Formed: have.Formed()}
	name, lead, why := have.Lead()
	if lead == nil {
		a.Why = why
		return a, nil
	}
	a.Leader, a.Term = name, lead.Server.Term
	switch view := lead.Server.View; {
	case lead.Server.KeptOut:
		a.Why = fmt.Sprintf("%s is the primary, and takes no password that its agent has", name)
		return a, lead
	case lead.Server.Facts[FactUsers] != UsersReady:
		a.Why = "the set has no users yet"
		return a, lead
	case view == nil:
		a.Why = fmt.Sprintf("%s is the primary but could not confirm it with a majority", name)
		return a, lead
	case have.Later(view, a.Term) != "":
		a.Why = fmt.Sprintf("%s has seen a later configuration than %s, which is the primary", have.Later(view, a.Term), name)
		return a, lead
	}
	a.Known, a.Serving, a.Usable = true, true, true
	a.Peers = slices.Clone(lead.Server.View.Peers)
	for i, p := range a.Peers {
		a.Peers[i].Healthy = p.Healthy && have.Serves(p) && follows(have, p)
	}
	slices.SortFunc(a.Peers, func(x, y engine.Peer) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID)) })
	voters, healthy := a.Voters()
	a.Tolerance = max(0, healthy-engine.Majority(voters))
	return a, lead
}

// follows tells whether the member of a peer's name knows a primary, or is it. One that
// has just been restarted serves what it has before it has heard from anybody, while the
// primary may still have its word from before: neither has found the other yet, and who
// takes the next member away then takes the second of three.
func follows(have engine.Observation, p engine.Peer) bool {
	r := have.Report(p.Name)
	if r == nil {
		return false
	}
	_, leaderless := r.Server.Facts[FactVoters]
	return !leaderless
}
