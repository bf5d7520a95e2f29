// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import "slices"

// Discard is a claim that is to be deleted: that of a member that has left while
// the policy said that such claims go, or of one that is lost. The ledger keeps
// it until the claim is gone.
type Discard struct {
	Member   string `json:"member"`
	ClaimUID string `json:"claimUID"`
	// ID is the engine's identity that lived on it, as far as it was known.
	ID string `json:"id,omitempty"`
	// Doomed is written before the claim is deleted. From then on nobody is let
	// join on it, and it goes whatever is wanted by now: the manager that wrote
	// it may still be about to delete it.
	Doomed bool `json:"doomed,omitempty"`
	// Lost is true where the member has not left but is lost, as the user agreed.
	Lost bool `json:"lost,omitempty"`
}

// ClaimRef names a member's claim by its UID, so that no other is deleted.
type ClaimRef struct {
	Member, UID string
}

// discard notes, as a member is struck off the ledger, that its claim is to go.
// Only one whose leave was completed under the policy counts: claims that were
// kept before stay.
func (p *draft) discard(name string, e Entry) {
	m := p.state.member(name)
	if !p.state.Wanted.DeleteScaled || !e.Leaving || m == nil || m.Claim == nil || m.Claim.UID != e.ClaimUID || m.Ordinal < p.state.Wanted.Replicas {
		return
	}
	p.ledger.Discards = append(p.ledger.Discards, Discard{Member: name, ClaimUID: e.ClaimUID, ID: e.ID})
}

// discards dooms what may go by now, and has every doomed claim deleted. It
// costs no server anything, so it is no step and waits for no turn.
func (p *draft) discards() {
	p.ledger.Discards = slices.DeleteFunc(p.ledger.Discards, p.kept)
	for i := range p.ledger.Discards {
		d := &p.ledger.Discards[i]
		d.Doomed = d.Doomed || p.mayDoom(*d)
	}
	p.deleteDoomed()
}

// deleteDoomed has every doomed claim deleted that is not on its way out.
func (p *draft) deleteDoomed() {
	for _, d := range p.ledger.Discards {
		if claim := p.claimOf(d); d.Doomed && claim != nil && !claim.Terminating {
			p.out.DeleteClaims = append(p.out.DeleteClaims, ClaimRef{Member: d.Member, UID: d.ClaimUID})
		}
	}
}

// kept tells whether a claim is not to be deleted any more: it is gone; or the
// lost member is back on it, or the user took the word back; or, before it was
// doomed, a member was let join on it again or the policy was changed back.
func (p *draft) kept(d Discard) bool {
	m, claim := p.state.member(d.Member), p.claimOf(d)
	if claim == nil {
		return true
	}
	if d.Lost {
		return !claim.Terminating && (p.lostFor(*m) == "" || !p.agreed(*m))
	}
	return !d.Doomed && (!p.state.Wanted.DeleteScaled || p.ledger.Members[d.Member].ClaimUID == d.ClaimUID)
}

// claimOf is the claim that is to be deleted, as long as it is there.
func (p *draft) claimOf(d Discard) *Claim {
	if m := p.state.member(d.Member); m != nil && m.Claim != nil && m.Claim.UID == d.ClaimUID {
		return m.Claim
	}
	return nil
}

// mayDoom tells whether nothing is left of a member but its claim: by a
// quorum's word it is in the membership under no name, nobody wants it, and it
// has neither entry nor pod, nor will it be given one (law 6).
func (p *draft) mayDoom(d Discard) bool {
	m, set := p.state.member(d.Member), p.state.Set
	if !p.out.Assessment.Known || set == nil || m.Ordinal < set.Replicas || m.Ordinal < p.state.Wanted.Replicas {
		return false
	}
	_, known := p.ledger.Members[d.Member]
	return !known && m.Pod == nil && !remains(p.out.Assessment, d.Member, Entry{ID: d.ID})
}

// doomed tells whether a member's claim is about to be deleted.
func (p *draft) doomed(m Member) bool {
	return m.Claim != nil && slices.ContainsFunc(p.ledger.Discards, func(d Discard) bool {
		return d.Doomed && d.Member == m.Name && d.ClaimUID == m.Claim.UID
	})
}

// beforeDoomed bounds a size so that no pod is made for nobody's sake on a claim
// that is about to be deleted: it would keep the claim from going.
func (p *draft) beforeDoomed(size int32) int32 {
	for _, m := range p.state.Members {
		if _, known := p.ledger.Members[m.Name]; !known && p.doomed(m) {
			size = min(size, m.Ordinal)
		}
	}
	return size
}
