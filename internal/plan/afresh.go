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

// A formed set of which no volume is left never forms again: clients would take
// an empty set for theirs (law 1). Only the user can say that there is to be
// another one, with no data. The consent names the set by its identity, so that it
// is good once: the next one has another.
//
// Once it is in the ledger, all that bears the old identity goes: the pods, and the
// claims that were made in place of the lost ones, of which each agent has said that
// there is nothing on it; then the StatefulSet, whose claims would bear it too. Then
// the ledger begins anew, and the next pass finds what it would of a Datastore that
// was just made, but for the credentials: those of the predecessor are replaced.
//
// As long as there is a StatefulSet the user may take the word back, and a claim
// that turns up of which nobody has said that it is empty ends it, since it may have
// been brought back. One that comes later finds another set, which refuses it and
// leaves it as it is.

// Dissolution is an end of a set whose data was given up.
type Dissolution string

// The kinds of Dissolution, in the order in which they follow each other. Until
// the first of them the pods and claims are on their way.
const (
	// DissolveStatefulSet has the StatefulSet deleted, which has no pods any more.
	DissolveStatefulSet Dissolution = "StatefulSet"
	// DissolveLedger says that the ledger of the decision is that of another set.
	DissolveLedger Dissolution = "Ledger"
)

// afresh decides about a set whose data is lost.
func (p *draft) afresh() {
	if p.ledger.Abandoned && p.state.Set == nil {
		p.succeed()
		return
	}
	blank, unknown := p.remainingClaims()
	if !p.agreedToLose() || len(unknown) > 0 {
		p.stopAbandoning()
		p.stallOnDataLost(unknown)
		return
	}
	if !p.ledger.Abandoned {
		p.ledger.Abandoned = true
		for _, m := range blank {
			p.ledger.Discards = append(p.ledger.Discards, Discard{Member: m.Name, ClaimUID: m.Claim.UID, Doomed: true})
		}
	}
	p.summarize(Summary{Why: "the user agreed to start with no data; what is left of the lost set goes first"})
	for _, d := range p.ledger.Discards {
		if claim := p.claimOf(d); d.Doomed && claim != nil && !claim.Terminating {
			p.out.DeleteClaims = append(p.out.DeleteClaims, ClaimRef{Member: d.Member, UID: d.ClaimUID})
		}
	}
	if p.cleared() {
		p.out.Dissolve = DissolveStatefulSet
	}
}

// succeed begins the ledger anew.
func (p *draft) succeed() {
	p.summarize(Summary{Why: "the user agreed to start with no data"})
	was := p.ledger
	p.ledger = &Ledger{
		ClusterID: p.state.NewClusterID, Predecessor: was.ClusterID, Epoch: was.Epoch, Image: was.Image, ImageFor: was.ImageFor,
		Lead: was.Lead, Recoveries: was.Recoveries, // a word that was good once is not good again
	}
	p.raise = true
	p.out.Dissolve = DissolveLedger
}

// agreedToLose tells whether the user agrees that this set is given up.
func (p *draft) agreedToLose() bool {
	return slices.Contains(p.state.Wanted.Approved, p.startEmpty())
}

// startEmpty is what the user would have to say.
func (p *draft) startEmpty() v1alpha1.Approval {
	return v1alpha1.Approval{Kind: v1alpha1.ApproveStartEmpty, Subject: p.state.Name, Token: p.ledger.ClusterID}
}

// remainingClaims are the claims under the names of members: those of which there
// is proof that nothing is on them that they would miss, and the others. One that
// was doomed for this was proven before.
func (p *draft) remainingClaims() (blank []Member, unknown []string) {
	for _, name := range p.granted() {
		m := p.state.member(name)
		if m == nil || m.Claim == nil || p.doomed(*m) {
			continue
		}
		if p.blank(*m) {
			blank = append(blank, *m)
		} else {
			unknown = append(unknown, name)
		}
	}
	return blank, unknown
}

// blank tells whether a member's agent says that it has nothing of the set's.
func (p *draft) blank(m Member) bool {
	r := p.state.trusted(m)
	return r != nil && (r.Volume == engine.VolumeEmpty || r.Server.Running && !r.Server.Formed)
}

// cleared tells whether neither pods nor doomed claims are left.
func (p *draft) cleared() bool {
	return p.state.Set.Replicas == 0 && !slices.ContainsFunc(p.state.Members, func(m Member) bool {
		return m.Pod != nil || p.doomed(m)
	})
}

// stopAbandoning takes it back, as far as it has not happened. Claims that are not
// a member's were doomed for another reason.
func (p *draft) stopAbandoning() {
	if !p.ledger.Abandoned {
		return
	}
	p.ledger.Abandoned, p.raise = false, true
	p.ledger.Discards = slices.DeleteFunc(p.ledger.Discards, func(d Discard) bool {
		_, members := p.ledger.Members[d.Member]
		claim := p.claimOf(d)
		return members && (claim == nil || !claim.Terminating)
	})
}

func (p *draft) stallOnDataLost(unknown []string) {
	text := fmt.Sprintf("all volumes of the formed set %s are gone; no second set is formed in its place; restore the claims, ", p.ledger.ClusterID)
	if len(unknown) > 0 {
		text += fmt.Sprintf("or wait until %s has said what is on its volume to be asked whether to start with no data", strings.Join(unknown, ", "))
	} else {
		text += fmt.Sprintf("or agree that the set starts with no data, and another identity, with the annotation %s=%s", v1alpha1.AnnotationApprove, p.startEmpty())
	}
	if w := p.state.Wanted.Unreadable; w != "" {
		text += "; what stands there agrees to nothing: " + w
	}
	p.stall(v1alpha1.ReasonDataLost, text)
}
