// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"github.com/quorate/quorate/internal/engine"
)

// What is here takes back that a member was asked to leave, where it was to move its data
// first, is wanted again, and the leave has come to nothing: nothing was marked on its
// volume, so that it is the member that it was. Before that its agent hears the epoch of
// this manager: the word of one that was replaced may still be on its way, and would
// have one leave of whom nobody knows that it does.
//
// It does not take back a leave that goes on, or that nobody can say anything of, nor one
// of an engine that marks the volume first: these are completed.

// takeBackLeave forgets that a member was asked to leave.
func (p *draft) takeBackLeave(name string, e Entry) Entry {
	if p.leaveCameToNothing(name, e) && p.state.Epoch != 0 && p.state.Epoch == p.ledger.Epoch && p.heard(*p.state.member(name)) {
		e.Leaving = false
	}
	return e
}

// leaveCameToNothing tells whether a wanted member was asked to leave, its own agent says
// that nothing of that goes on, and a quorum that it has its full part, by the identity
// that its server has.
func (p *draft) leaveCameToNothing(name string, e Entry) bool {
	m := p.state.member(name)
	if !p.traits.LeaveMovesData || !e.Leaving || m == nil || m.Ordinal >= p.state.Wanted.Replicas {
		return false
	}
	if !settledPod(*m) || p.claimGone(name, e) || p.leaveBegun(name) || !p.out.Assessment.Known {
		return false
	}
	id := p.state.trusted(*m).Server.ID
	return id == e.ID && slices.ContainsFunc(p.out.Assessment.PeersNamed(name), func(q engine.Peer) bool { return q.ID == id && q.Voter })
}

// outrunLeave has the agent of such a member hear the epoch, by the grant that its volume
// bears, which does nothing.
func (p *draft) outrunLeave() bool {
	for _, m := range p.state.Members {
		e := p.ledger.Members[m.Name]
		if !p.leaveCameToNothing(m.Name, e) {
			continue
		}
		p.disrupting = true
		p.summarize(Summary{Action: engine.StepGrant, Member: m.Name, Why: m.Name + " is wanted again and has not left: it is told so before it counts as one that stays"})
		g := engine.Grant{Kind: e.Grant, ClusterID: p.ledger.ClusterID, PodUID: m.Pod.UID, ClaimUID: orElse(e.Volume, e.ClaimUID)}
		if e.Grant == engine.GrantForm {
			g.Size, g.Founders = p.ledger.FormationSize, p.founders()
		}
		p.out.Asks = append(p.out.Asks, Ask{Member: m.Name, PodUID: m.Pod.UID, Grant: &g})
		return true
	}
	return false
}
