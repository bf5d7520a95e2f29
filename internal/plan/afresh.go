// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"maps"
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
// Until then the user may take the word back, and a claim that turns up of which
// nobody has said that it is empty ends it, since it may have been brought back. One
// that comes later finds another set, which refuses it and leaves it as it is.

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
	blank, unknown := p.remainingClaims()
	if !p.agreedToLose() || len(unknown) > 0 {
		p.stopAbandoning()
		p.stallOnDataLost(namesOf(blank), unknown)
		return
	}
	if !p.ledger.Abandoned {
		p.ledger.Abandoned = true
		for _, m := range blank {
			p.ledger.Discards = append(p.ledger.Discards, Discard{Member: m.Name, ClaimUID: m.Claim.UID, Doomed: true})
		}
	}
	p.deleteDoomed()
	why := "the user agreed to start with no data"
	switch left := p.leftOfAbandoned(); {
	case len(left) > 0:
		why += "; waiting until pods and claims are gone of " + strings.Join(left, ", ")
	case p.state.Set == nil:
		p.succeed()
	case p.state.Set.Replicas == 0:
		p.out.Dissolve = DissolveStatefulSet
	}
	p.summarize(Summary{Action: engine.StepStartEmpty, Why: why})
}

// succeed begins the ledger anew.
func (p *draft) succeed() {
	was := p.ledger
	p.ledger = &Ledger{
		ClusterID: p.state.NewClusterID, Predecessor: was.ClusterID, Epoch: was.Epoch, Image: was.Image, ImageFor: was.ImageFor,
		ClaimTemplate: was.ClaimTemplate, Racks: was.Racks, Adopted: was.Adopted.clone(), // what the Datastore says is as before, and so are the names
		Lead: was.Lead, Rotated: was.Rotated, RotatedElse: maps.Clone(was.RotatedElse), Recoveries: was.Recoveries, // a word that was good once is not good again
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

// remainingClaims are those of which there is proof that nothing is on them, and
// those that are a member's, or in the place of one, of which there is none. A server
// that was let start may have got data, whatever it knows. One that was doomed for
// this was proven before; one of a member that has left is nobody's, and is kept.
func (p *draft) remainingClaims() (blank []Member, unknown []string) {
	for _, m := range p.state.Members {
		if m.Claim == nil || p.doomed(m) {
			continue
		}
		_, members := p.ledger.Members[m.Name]
		r := p.state.trusted(m)
		switch {
		case r != nil && r.Volume == engine.VolumeEmpty:
			blank = append(blank, m)
		case members || p.state.Set != nil && m.Ordinal < p.state.Set.Replicas:
			unknown = append(unknown, m.Name)
		}
	}
	return blank, unknown
}

// leftOfAbandoned are those of whom a pod or a doomed claim is left.
func (p *draft) leftOfAbandoned() []string {
	var out []string
	for _, m := range p.state.Members {
		if m.Pod != nil || p.doomed(m) {
			out = append(out, m.Name)
		}
	}
	return out
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

func (p *draft) stallOnDataLost(blank, unknown []string) {
	text := fmt.Sprintf("all volumes of the formed set %s are gone, or empty; no second set is formed in its place; restore the claims, ", p.ledger.ClusterID)
	if len(unknown) > 0 {
		text += fmt.Sprintf("or, to be asked whether to start with no data, wait until %s has said that its volume is empty, or delete its pod and claim if nothing is on it", strings.Join(unknown, ", "))
	} else {
		text += fmt.Sprintf("or agree that the set starts with no data, another identity and other credentials, with the annotation %s=%s", v1alpha1.AnnotationApprove, p.startEmpty())
	}
	if len(unknown) == 0 && len(blank) > 0 {
		text += fmt.Sprintf(" (the claims of %s are deleted, which their agents found empty)", strings.Join(blank, ", "))
	}
	if w := p.state.Wanted.Unreadable; w != "" {
		text += "; what stands there agrees to nothing: " + w
	}
	p.stall(v1alpha1.ReasonDataLost, text)
}
