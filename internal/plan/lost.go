// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// A member is lost that cannot come back on its volume, though its claim is
// there. Either no node is left that the volume can be used on, by the API
// server's word: a node that is only silent is not gone (law 2). Or the member
// had joined, and its agent finds the volume under the same claim empty. Or the
// claim is being deleted, and the pod came too late to start on it.
//
// To delete the claim is to give up what may be the only copy of something, so
// it takes the user's word: the policy, or an approval that names this claim.
// The claim goes, and with it the pod that waits for it; the evidence that then
// lets the old identity be evicted and an empty member join is the API
// server's, as for a claim that anybody else deleted.

// lostFor says why a member is lost, as a clause; empty where it is not. Whose
// server is seen to live is not, whatever its node looks like; and what is left
// of one that is nobody any more concerns nobody.
func (p *draft) lostFor(m Member) string {
	e, known := p.ledger.Members[m.Name]
	if m.Claim == nil || p.healthyMember(m.Name) || !known && m.Ordinal >= p.state.Wanted.Replicas {
		return ""
	}
	switch {
	case p.wiped(m.Name, e):
		return "its volume is empty, although it had joined"
	case p.state.trusted(m) != nil:
		return ""
	case known && p.neverStarts(m):
		return "its claim is being deleted, and no pod starts on it any more"
	}
	return m.Claim.Stranded
}

// lost is the same by name, where no more than that it is matters.
func (p *draft) lost(name string) bool {
	m := p.state.member(name)
	return m != nil && p.lostFor(*m) != ""
}

// agreed tells whether the user has said that a lost member's claim may go, or
// somebody has deleted it. A recovery that was agreed to says so of all.
func (p *draft) agreed(m Member) bool {
	return m.Claim.Terminating || p.ledger.Recovery != nil || p.state.Wanted.DeleteLost || slices.Contains(p.state.Wanted.Approved, approval(m))
}

func approval(m Member) v1alpha1.Approval {
	return v1alpha1.Approval{Kind: v1alpha1.ApproveReplace, Subject: m.Name, Token: m.Claim.UID}
}

// losses are the steps that give up the claims of lost members, where the user
// agreed.
func (p *draft) losses() []candidate {
	var out []candidate
	for _, m := range p.state.Members {
		why := p.lostFor(m)
		if why == "" || p.doomed(m) || !p.agreed(m) {
			continue
		}
		out = append(out, candidate{step: engine.Step{
			Kind: engine.StepDiscardVolume, Member: m.Name, Cost: engine.Cost{Membership: true},
			Why: fmt.Sprintf("%s is lost: %s", m.Name, why),
		}})
	}
	return out
}

// admitLoss dooms the claim of a lost member. An engine cannot have that done:
// it is looked at here once more.
func (p *draft) admitLoss(s engine.Step) {
	m := p.state.member(s.Member)
	if m == nil || p.lostFor(*m) == "" || !p.agreed(*m) {
		return
	}
	p.doom(*m)
}

// doom writes down that the claim of a lost member is deleted.
func (p *draft) doom(m Member) {
	d := Discard{Member: m.Name, ClaimUID: m.Claim.UID, ID: p.ledger.Members[m.Name].ID, Doomed: true, Lost: true}
	p.ledger.Discards = append(slices.DeleteFunc(p.ledger.Discards, func(o Discard) bool { return o.ClaimUID == d.ClaimUID }), d)
}

// givingUp tells whether the claim of a lost member is about to be deleted. One
// that is back on it waits for its turn, to be replaced or to leave.
func (p *draft) givingUp(name string) bool {
	if m := p.state.member(name); m != nil && m.Pod != nil && !m.Pod.Terminating && p.healthyMember(name) {
		return false
	}
	return slices.ContainsFunc(p.ledger.Discards, func(d Discard) bool { return d.Lost && d.Member == name })
}

// askAboutLost calls the user where a member is lost and nothing was agreed to.
// Without a quorum every volume may be needed, so that none is asked for.
func (p *draft) askAboutLost() {
	if a := p.out.Assessment; !p.ledger.Formed || !a.Known || !a.Serving {
		return
	}
	var lost, texts []string
	for _, m := range p.state.Members {
		if why := p.lostFor(m); why != "" && !p.doomed(m) && !p.agreed(m) {
			lost = append(lost, fmt.Sprintf("%s is lost: %s", m.Name, why))
			texts = append(texts, approval(m).String())
		}
	}
	if len(lost) == 0 {
		return
	}
	message := fmt.Sprintf("%s; bring the node or the volume back, or agree that an empty member takes its place, and that what only this volume holds is gone, with the annotation %s=%s",
		strings.Join(lost, "; "), v1alpha1.AnnotationApprove, strings.Join(texts, ","))
	if w := p.state.Wanted.Unreadable; w != "" {
		message += "; what stands there agrees to nothing: " + w
	}
	p.stall(v1alpha1.ReasonMemberLost, message)
}

// freeClaims replaces the pods that keep a claim from going, or that wait for
// one that is gone. The pod of a node that is gone ends only by force: no
// kubelet is left to say that it has.
func (p *draft) freeClaims() {
	for _, m := range p.state.Members {
		if m.Pod == nil || p.out.replaces(m.Pod.UID) || p.out.asks(m.Name) {
			continue
		}
		force := p.givingUp(m.Name) && p.doomed(m) && p.state.trusted(m) == nil && m.Claim.Stranded != ""
		if force || p.keepsBlank(m) || p.waitsInVain(m) {
			p.out.Replace = append(p.out.Replace, PodRef{Name: m.Name, UID: m.Pod.UID, Force: force})
		}
	}
}

// waitsInVain tells whether a pod that may go at no cost waits for a claim that
// is gone, or is about to be deleted.
func (p *draft) waitsInVain(m Member) bool {
	if m.Pod.Terminating || !p.state.costless(m) || p.released(m) {
		return false
	}
	return p.doomed(m) || m.Claim == nil && !m.Pod.Started && p.state.trusted(m) == nil
}

// lacksVolume tells whether a member's pod waits for a volume, which is no fault
// of its template.
func (p *draft) lacksVolume(m Member) bool {
	return m.Claim == nil || m.Claim.Terminating || m.Claim.Stranded != "" || p.lostFor(m) != ""
}

// replaces tells whether a pod is to be deleted already.
func (d Decision) replaces(uid string) bool {
	return slices.ContainsFunc(d.Replace, func(r PodRef) bool { return r.UID == uid })
}

// asks tells whether a member's agent is asked for anything.
func (d Decision) asks(member string) bool {
	return slices.ContainsFunc(d.Asks, func(a Ask) bool { return a.Member == member })
}
