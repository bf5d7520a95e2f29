// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"

	"github.com/quorate/quorate/internal/engine"
)

// What is here is about members of a set that was made by hand, once the first pod is
// one of ours: what may be believed of them, and when all are taken over.

// unmarked tells whether a volume holds data and no marker.
func (p *draft) unmarked(m Member) bool {
	return m.Report != nil && m.Report.Volume == engine.VolumeUnmarked
}

// mayAdopt tells whether a member may go on with data that bears no marker: its
// claim is the one that the user agreed to. A volume that lost its marker later is
// somebody else's until a person has looked at it.
func (p *draft) mayAdopt(m Member) bool {
	e := p.ledger.Members[m.Name]
	return p.ledger.Adoption != nil && e.Grant == engine.GrantAdopt && m.Claim != nil && e.ClaimUID == m.Claim.UID
}

// settleAdopted takes the set's identity from the first that was taken over. Others
// with another one are not of the set, see trusted.
func (p *draft) settleAdopted() {
	for _, m := range p.state.Members {
		if r := p.ours(m); r != nil && r.Server.Formed && p.ledger.SetID == "" {
			p.ledger.SetID = r.Server.Set
		}
	}
}

// grantAdopters lets servers go on with their data that wait for it. It costs
// nothing: each runs again where it was.
func (p *draft) grantAdopters() {
	for _, m := range p.state.Members {
		if !settledPod(m) || p.state.trusted(m) == nil || !p.unmarked(m) || !p.mayAdopt(m) || p.outdated(m) {
			continue
		}
		p.summarize(Summary{Action: engine.StepAdopt, Member: m.Name, Why: m.Name + " waits to go on with its data"})
		p.ledger.FormationSize = int32(len(p.ledger.Members))
		p.grant(m, engine.GrantAdopt)
	}
}

// ours is the report of a member that was taken over; nil of one that was not, or is
// silent.
func (p *draft) ours(m Member) *engine.Report {
	r := p.state.trusted(m)
	if r == nil || r.Volume != engine.VolumeMember || r.Grant != engine.GrantAdopt {
		return nil
	}
	return r
}

// unexpected says what those that were taken over tell of the set that is not as it
// must be: one whose members are not these alone is not taken over any further. An
// empty volume under a member of the set holds what nobody agreed to lose.
func (p *draft) unexpected() string {
	for _, name := range p.granted() {
		m := p.state.member(name)
		if m == nil {
			continue
		}
		if r := p.state.trusted(*m); r != nil && r.Volume == engine.VolumeEmpty && !p.claimLost(name) {
			return name + " finds nothing of the server's at the root of its volume; bring its data there and delete the pod, " +
				"or delete claim and pod to have an empty member take its place once the others were taken over"
		}
		r := p.ours(*m)
		if r == nil || r.Server.Seen == nil {
			continue
		}
		var seen []string
		for _, q := range r.Server.Seen.Peers {
			if _, known := p.ledger.Members[q.Name]; !known || slices.Contains(seen, q.Name) {
				return fmt.Sprintf("the set has the member %s, as %s says, which is none of the StatefulSet's; take it out of the set", orElse(q.Address, q.Name), name)
			}
			seen = append(seen, q.Name)
		}
		for _, other := range p.granted() {
			if !slices.Contains(seen, other) && !p.claimLost(other) {
				return fmt.Sprintf("%s is no member of the set, as %s says; add it to the set under the name of its pod", other, name)
			}
		}
	}
	return ""
}

// adopted tells whether all are taken over, and a quorum finds them in order. From
// then on the set is like any other. It does not wait for one whose claim is gone: that
// is replaced afterwards, by the steps for lost members, on the word of that quorum.
func (p *draft) adopted() bool {
	a := p.out.Assessment
	if !a.Known || !a.Serving || len(a.Peers) > len(p.ledger.Members) {
		return false
	}
	for _, name := range p.granted() {
		if p.claimLost(name) {
			continue
		}
		m := p.state.member(name)
		if m == nil || p.ours(*m) == nil || !slices.ContainsFunc(a.PeersNamed(name), func(q engine.Peer) bool { return q.Healthy }) {
			return false
		}
	}
	return true
}
