// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// holdsAdoption says why the next pod must not be replaced now; empty where it may.
// Law 5 is kept on less than a quorum's word, since nobody in the pods that were made
// by hand can be asked:
//
//   - every claim is there, and none is being deleted: it would go with its pod;
//   - every other pod is there and ready, by the kubelet's word;
//   - every other member that was taken over serves, by its own word, and finds all
//     but the next one healthy, and all of them name the same leader;
//   - those that are left are a quorum.
func (p *draft) holdsAdoption(next Member) string {
	if p.out.Shape.WriteTemplate {
		return "the StatefulSet is given the changed template first"
	}
	if !p.state.Set.Settled {
		return "the StatefulSet's controller has not seen it yet"
	}
	if why := p.claimsAmiss(next.Name); why != "" {
		return why
	}
	for _, name := range p.granted() {
		if why := p.amiss(name); why != "" && name != next.Name && !p.claimLost(name) {
			return why
		}
	}
	// Who does not serve may be whom the others lack to elect one.
	if leader, anybody := p.leaderSeen(); anybody && leader == "" && !p.lameOfOurs(next) {
		return "those that were taken over do not agree on who leads"
	}
	if why := p.seenAmiss(next.Name); why != "" {
		return why
	}
	if why := p.cannotSpare(next.Name); why != "" && !p.state.Wanted.AllowDowntime {
		return why + "; set spec.disruption to AllowDowntime"
	}
	return budgetClosed(p, engine.Step{Kind: engine.StepReplacePod, Member: next.Name})
}

// cannotSpare says that no quorum would be left without a member. Who has a vote is
// what those say that were taken over, each by itself: a set may have been given fewer
// votes than members by hand. Until one of them says so, all are taken to have one that
// may.
func (p *draft) cannotSpare(next string) string {
	views := p.views()
	for _, v := range views {
		var voters, lost int
		votes := false
		for _, q := range v.Peers {
			if !q.Voter {
				continue
			}
			voters++
			votes = votes || q.Name == next
			if p.claimLost(q.Name) {
				lost++
			}
		}
		if votes && voters-lost-1 < p.traits.Quorum(voters) {
			return fmt.Sprintf("%s is one of %d members with a vote, of whom %d lost their claims, and a quorum of them needs it", next, voters, lost)
		}
	}
	if len(views) > 0 {
		return ""
	}
	voters := len(p.ledger.Members)
	if p.traits.Votes != nil {
		voters = min(voters, p.traits.Votes(int(p.traits.MaxReplicas)))
	}
	lost := 0
	for name := range p.ledger.Members {
		if p.claimLost(name) {
			lost++
		}
	}
	if voters-lost-1 < p.traits.Quorum(voters) {
		return fmt.Sprintf("a set of %d, of whom %d lost their claims, cannot have a member restarted without being without service", voters, lost)
	}
	return ""
}

// views are what those see of the set that were taken over.
func (p *draft) views() []*engine.View {
	var out []*engine.View
	for _, m := range p.state.Members {
		if r := p.ours(m); r != nil && r.Server.Seen != nil {
			out = append(out, r.Server.Seen)
		}
	}
	return out
}

// claimLost tells whether a member's volume is known to be gone: see settleClaim.
// Nothing is expected of it any more, and it counts as a voter that is down. Once all
// others are taken over it is replaced like any other that is lost.
func (p *draft) claimLost(name string) bool {
	e, known := p.ledger.Members[name]
	return known && e.ClaimUID == ""
}

// claimsAmiss says whose claim is not the one that the user agreed to, or not for much
// longer: what is on it goes with its pod, whoever ends that. It calls the user, since
// nothing of that can be taken back.
func (p *draft) claimsAmiss(next string) string {
	for _, name := range p.granted() {
		m := p.state.member(name)
		lost := p.claimLost(name) && name != next
		if lost || m != nil && m.Claim != nil && m.Claim.UID == p.ledger.Members[name].ClaimUID && !m.Claim.Terminating {
			continue
		}
		reason, why := v1alpha1.ReasonAdoptionRefused, "the claim of "+name+" is gone"
		if m != nil && m.Claim != nil && m.Claim.Terminating {
			reason, why = v1alpha1.ReasonClaimTerminating, "the claim of "+name+" is being deleted, which cannot be taken back, and what is on it goes with the pod"
		}
		p.stall(reason, fmt.Sprintf("%s; no pod is replaced meanwhile: when all others are healthy and have its data, delete the pod %s; "+
			"an empty member takes its place once the others were taken over", why, name))
		return why
	}
	return ""
}

// amiss says why a member cannot be relied upon while another is replaced.
func (p *draft) amiss(name string) string {
	m := p.state.member(name)
	switch {
	case m == nil || m.Pod == nil:
		return name + " has no pod yet"
	case m.Pod.Terminating:
		return "the pod " + name + " is being deleted"
	case !m.Pod.Handmade && p.state.trusted(*m) == nil:
		return name + " is silent"
	case !m.Pod.Handmade && (p.ours(*m) == nil || !p.ours(*m).Server.Serving):
		return name + " does not serve yet"
	case !m.Pod.Ready:
		return name + " is not ready"
	}
	return ""
}

// seenAmiss says whom those that were taken over do not find healthy, but for the one
// that goes next.
func (p *draft) seenAmiss(next string) string {
	for _, m := range p.state.Members {
		r := p.ours(m)
		if r == nil || m.Name == next {
			continue
		}
		if r.Server.Seen == nil {
			return m.Name + " does not tell of the membership"
		}
		for _, q := range r.Server.Seen.Peers {
			if q.Name != next && !q.Healthy && !p.claimLost(q.Name) {
				return fmt.Sprintf("%s is not healthy, as %s finds", q.Name, m.Name)
			}
		}
	}
	return ""
}
