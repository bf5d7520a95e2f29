// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strings"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// The deletion of a claim cannot be taken back, but it waits for the pod that
// uses it. Until then the server runs on a volume that the next restart takes
// away, whoever causes that: a drained node, a crash of a kubelet, a rollout. So
// the member is replaced while the others are well, through the same guards and
// in the same order as for a changed template, and joins again on a new volume.
// Where the set cannot do without what is on it, it is not: the pod is kept, and
// the user is told.

// vanishing tells whether a member's pod keeps a claim from going that is being
// deleted. Who is to leave does so by itself; one whose pod came too late to start
// is lost, see lostFor.
func (p *draft) vanishing(m Member) bool {
	return p.stays(m) && m.Claim != nil && m.Claim.Terminating && m.Pod != nil && !m.Pod.Terminating && !p.keepsBlank(m) && !p.neverStarts(m)
}

// neverStarts tells whether a pod came too late for its claim: no kubelet starts
// one on a claim that is being deleted.
func (p *draft) neverStarts(m Member) bool {
	return m.Claim != nil && m.Claim.Terminating && m.Pod != nil && !m.Pod.Started && p.state.trusted(m) == nil
}

// vanishingServers are the members of which that is so.
func (p *draft) vanishingServers() []Member {
	if p.state.Set == nil || !p.ledger.Formed {
		return nil
	}
	var out []Member
	for _, m := range p.state.Members {
		if p.vanishing(m) {
			out = append(out, m)
		}
	}
	return out
}

// keepsBlank tells whether a pod keeps a claim from going on which there is
// nothing of the set's: its server waits at the gate, before an empty volume, or
// before one that nobody may start on; or it will never start, on the volume of
// nobody, or of a set that may not have formed without it.
func (p *draft) keepsBlank(m Member) bool {
	if m.Claim == nil || !m.Claim.Terminating || m.Pod == nil || m.Pod.Terminating {
		return false
	}
	e, known := p.ledger.Members[m.Name]
	nobodys := !known || e.ClaimUID != m.Claim.UID
	if p.neverStarts(m) {
		return nobodys || !p.ledger.Formed
	}
	r := p.state.trusted(m)
	return p.state.held(m) && !r.Server.Running && (r.Volume == engine.VolumeEmpty || nobodys)
}

// askAboutVanishing calls the user where a claim is being deleted that the set
// cannot do without: a smaller set than of three has no quorum without it, and
// one that shall be stopped would come back without it.
func (p *draft) askAboutVanishing() {
	small := p.state.Wanted.Replicas < 3
	if out := p.vanishingServers(); len(out) > 0 && (small || p.state.Wanted.Stopped) {
		remedy := "set spec.replicas to 3 or more, so that others have the data before it is replaced"
		if !small {
			remedy = "set spec.stopped to false until it has been replaced"
		}
		p.stall(v1alpha1.ReasonClaimTerminating, fmt.Sprintf(
			"the claim of %s is being deleted, which cannot be taken back, and what is on it goes with the pod; %s", strings.Join(namesOf(out), ", "), remedy))
	}
}
