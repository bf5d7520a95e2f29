// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// form plans the formation of a set that the ledger does not know as formed.
//
// The number of founders is fixed with the first grant, and written before it
// is sent. Until all founders wait at their gates nothing is granted, so that
// a set whose pods cannot be made is never half formed.
func (p *draft) form() {
	if p.ledger.FormationSize == 0 {
		p.firstGrants()
		return
	}
	p.resumeFormation()
}

// founders are the names that form the set.
func (p *draft) founders() []string {
	size := p.ledger.FormationSize
	if size == 0 {
		size = p.foundersWanted()
	}
	names := make([]string, 0, size)
	for i := range size {
		names = append(names, p.state.MemberName(i))
	}
	return names
}

func (p *draft) foundersWanted() int32 {
	if p.traits.Formation == engine.FormFirst {
		return 1
	}
	return p.state.Wanted.Replicas
}

// firstGrants grants all founders at once, when the last of them has reported
// an empty volume, and so has every other member whose volume may be older
// than the ledger.
func (p *draft) firstGrants() {
	asked := p.founders()
	for _, m := range p.state.Members {
		if p.unexplained(m) && !slices.Contains(asked, m.Name) {
			asked = append(asked, m.Name)
		}
	}
	for _, name := range asked {
		m := p.state.member(name)
		if why := p.notReadyToForm(m); why != "" {
			p.guard(Summary{Action: engine.StepGrant, Member: name, Why: "form the set", BlockedBy: GuardFounders, Message: name + " " + why})
			return
		}
	}
	p.ledger.FormationSize = p.foundersWanted()
	for _, name := range p.founders() {
		p.grant(*p.state.member(name), engine.GrantForm)
	}
	p.summarize(Summary{Action: engine.StepGrant, Why: fmt.Sprintf("form the set of %d", p.ledger.FormationSize)})
}

// unexplained tells whether a claim may hold the data of a set that formed
// under a ledger which was lost with all its credentials. Only the pod on it
// can say, so that it is given one, and nothing forms before it has.
func (p *draft) unexplained(m Member) bool {
	return p.ledger.FormationSize == 0 && m.Claim != nil && m.Claim.Predates
}

// notReadyToForm says what a founder still lacks; empty where nothing.
func (p *draft) notReadyToForm(m *Member) string {
	switch {
	case m == nil || m.Pod == nil:
		return "has no pod yet"
	case m.Pod.Terminating:
		return "is being deleted"
	case m.Claim == nil:
		return "has no volume claim yet"
	case m.Claim.Terminating:
		return "has a volume claim that is being deleted"
	case p.state.trusted(*m) == nil && m.Pod.Stuck != "":
		return "cannot start: " + m.Pod.Stuck
	case p.state.trusted(*m) == nil:
		return "has not reported yet"
	case !p.state.held(*m):
		return "does not wait at its gate"
	case p.outdated(*m):
		return "is made anew with the changed template first"
	}
	return ""
}

// resumeFormation repeats what a crash may have swallowed, and grants anew to
// a founder whose pod or volume was replaced. It waits where it cannot prove
// that no set has formed.
func (p *draft) resumeFormation() {
	lost := p.noteLostFounders()
	provable := p.provablyUnformed()
	for _, name := range p.founders() {
		m := p.state.member(name)
		if m == nil || m.Pod == nil || m.Pod.Terminating || m.Claim == nil || p.outdated(*m) {
			continue
		}
		// Who waits does not start on a claim that is being deleted; who has
		// started is asked on it nevertheless.
		if !m.Claim.Terminating || !p.state.held(*m) {
			p.grantFounder(*m, lost, provable)
		}
	}
	if len(p.out.Asks) == 0 {
		p.bootstrapFounder()
	}
	if !provable && p.neverProvable() {
		p.stall(v1alpha1.ReasonFormationUncertain, "so many founders lost their volumes that the set may have formed and taken data without anybody knowing; "+
			"delete the Datastore and its claims and create it again if no client has written to it")
	}
	p.summarize(Summary{Why: "the founders were let start; waiting for the set to form"})
}

// settledPod tells whether pod and claim are there and neither is on its way out.
func settledPod(m Member) bool {
	return m.Pod != nil && !m.Pod.Terminating && m.Claim != nil && !m.Claim.Terminating
}

// grantFounder grants one founder, again or anew, if that is safe.
func (p *draft) grantFounder(m Member, lost, provable bool) {
	e := p.ledger.Members[m.Name]
	switch {
	case p.state.held(m) && (e.ClaimUID == m.Claim.UID || provable):
		p.grant(m, engine.GrantForm)
	case p.state.held(m):
		p.guard(Summary{Action: engine.StepGrant, Member: m.Name, Why: "form the set", BlockedBy: GuardFormedOnce,
			Message: m.Name + " lost its volume after it was let form, and the others do not all prove that nothing had formed"})
	case lost && e.ClaimUID == m.Claim.UID && p.state.trusted(m) != nil && !p.heard(m):
		p.grant(m, engine.GrantForm) // it has it; its next report is later than the loss
	}
}

// bootstrapFounder asks for the step by which a founder forms the set, where
// the engine needs one. It is asked only of the server that was let form, on
// the volume on which it was.
func (p *draft) bootstrapFounder() {
	for _, s := range p.engine.Plan(p.desired(), p.seen) {
		m, e := p.state.member(s.Member), p.ledger.Members[s.Member]
		if s.Kind != engine.StepBootstrap || agentPresent(p, s) != "" {
			continue
		}
		r := p.state.trusted(*m)
		if !slices.Contains(p.founders(), s.Member) || p.claimGone(s.Member, e) || r.Volume != engine.VolumeMember || !r.Server.Running {
			continue
		}
		p.summarize(Summary{Action: s.Kind, Member: s.Member, Why: s.Why})
		p.out.Asks = append(p.out.Asks, Ask{Member: m.Name, PodUID: m.Pod.UID, Step: &s})
		return
	}
}

// noteLostFounders writes down which founders lost their volumes, and raises
// the epoch when it does: a report that bears the new epoch was made later
// than the loss, and only such a one can prove that nothing had formed. It
// returns whether any founder is without its volume.
func (p *draft) noteLostFounders() bool {
	lost := false
	for _, name := range p.founders() {
		e := p.ledger.Members[name]
		if e.ClaimUID != "" && p.volumeLost(name, e) {
			e.PodUID, e.ClaimUID = "", ""
			p.ledger.set(name, e)
			p.raise = true
		}
		lost = lost || e.ClaimUID == ""
	}
	return lost
}

// heard tells whether an agent's report was made under the present epoch.
func (p *draft) heard(m Member) bool {
	r := p.state.trusted(m)
	return r != nil && !p.raise && r.Epoch >= p.ledger.Epoch
}

// provablyUnformed tells whether no set can have formed. A founder on its first
// volume that reports an empty one, or a running server that knows of no set,
// has voted for nothing. All who have their volumes must say so, after the
// loss of the others was seen, and the others must be too few for a quorum.
func (p *draft) provablyUnformed() bool {
	blank := 0
	for _, name := range p.founders() {
		if p.ledger.Members[name].ClaimUID == "" {
			continue
		}
		m := p.state.member(name)
		r := p.state.trusted(*m)
		if r == nil || !p.heard(*m) || r.Volume != engine.VolumeEmpty && !(r.Server.Running && !r.Server.Formed) {
			return false
		}
		blank++
	}
	return p.tooFewWithout(blank)
}

// neverProvable tells whether no report can prove it any more, and the set
// cannot form by itself either: so few first volumes are left that the others
// might have been a quorum, or one of too few holds the state of a set.
func (p *draft) neverProvable() bool {
	intact, holds := 0, false
	for _, name := range p.founders() {
		if p.ledger.Members[name].ClaimUID == "" {
			continue
		}
		intact++
		r := p.state.trusted(*p.state.member(name))
		holds = holds || r != nil && r.Server.Formed
	}
	return !p.tooFewWithout(intact) || holds && intact < p.traits.Quorum(int(p.ledger.FormationSize))
}

// tooFewWithout tells whether the founders less n are less than a quorum.
func (p *draft) tooFewWithout(n int) bool {
	size := int(p.ledger.FormationSize)
	return size-n < p.traits.Quorum(size)
}

// grant writes the grant into the ledger and asks for it. What the ledger had
// under this name is kept as far as it is evidence.
func (p *draft) grant(m Member, kind engine.GrantKind) {
	e := p.ledger.Members[m.Name]
	if e.ClaimUID != m.Claim.UID {
		e.Volume = ""
	}
	e.Grant, e.PodUID, e.ClaimUID = kind, m.Pod.UID, m.Claim.UID
	p.ledger.set(m.Name, e)
	g := engine.Grant{Kind: kind, ClusterID: p.ledger.ClusterID, PodUID: m.Pod.UID, ClaimUID: m.Claim.UID}
	if kind == engine.GrantForm {
		g.Size, g.Founders = p.ledger.FormationSize, p.founders()
	}
	p.out.Asks = append(p.out.Asks, Ask{Member: m.Name, PodUID: m.Pod.UID, Grant: &g})
}
