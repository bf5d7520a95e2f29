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

// settle writes into the ledger what was seen. Each rule takes the API
// server's or a quorum's word, never an agent's silence.
func (p *draft) settle() {
	for _, name := range p.granted() {
		p.ledger.Members[name] = p.bringBack(name, p.ledger.Members[name])
	}
	p.ledger.Formed = p.ledger.Formed || p.formed()
	p.settleSet()
	p.ledger.Bootstrapped = p.ledger.Bootstrapped || p.ledger.Formed && p.out.Assessment.Usable
	p.settleLead()
	p.adopt()
	for _, name := range p.granted() {
		e := p.ledger.Members[name]
		e = p.settleReplacement(name, p.settleClaim(name, e))
		e, gone := p.settleMembership(name, e)
		if gone {
			p.discard(name, e)
			delete(p.ledger.Members, name)
			continue
		}
		p.ledger.Members[name] = p.takeBackLeave(name, e)
	}
}

// settleSet takes the set's own identity from a founder, on the volume on which
// it was let form.
func (p *draft) settleSet() {
	if p.ledger.SetID != "" || p.ledger.FormationSize == 0 {
		return
	}
	for _, name := range p.founders() {
		m := p.state.member(name)
		if m == nil || p.claimGone(name, p.ledger.Members[name]) {
			continue
		}
		if r := p.state.trusted(*m); r != nil && r.Grant == engine.GrantForm && r.Server.Formed {
			p.ledger.SetID = orElse(p.ledger.SetID, r.Server.Set)
		}
	}
}

// formed tells whether the set has formed, once and for all: a quorum answered
// for its membership, or as many founders as make one hold its state. A founder
// alone may hold the state of a set that was never elected, and die with it.
func (p *draft) formed() bool {
	a := p.out.Assessment
	if !a.Formed || a.Known || p.ledger.FormationSize == 0 {
		return a.Formed
	}
	holders := 0
	for _, name := range p.founders() {
		m := p.state.member(name)
		if m == nil || p.claimGone(name, p.ledger.Members[name]) {
			continue
		}
		if r := p.state.trusted(*m); r != nil && r.Server.Formed {
			holders++
		}
	}
	return holders >= p.traits.Quorum(int(p.ledger.FormationSize))
}

// granted returns the names in the ledger, in order.
func (p *draft) granted() []string {
	names := make([]string, 0, len(p.ledger.Members))
	for n := range p.ledger.Members {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// settleClaim notes that the volume of a member is gone: the API server shows
// no claim under its name, or another one. The identity that lived on it is
// remembered as lost, since only evidence like this allows an eviction. An
// agent's word alone that the volume is empty is not: see lostFor.
func (p *draft) settleClaim(name string, e Entry) Entry {
	if !p.ledger.Formed || !p.volumeLost(name, e) {
		return e
	}
	e.Lost = appendNew(slices.Clone(e.Lost), e.ID)
	e.ID, e.Joined, e.PodUID, e.ClaimUID, e.Volume = "", false, "", "", ""
	return e
}

// wiped tells whether a member that had joined stands before an empty volume.
func (p *draft) wiped(name string, e Entry) bool {
	m := p.state.member(name)
	if m == nil || !e.Joined {
		return false
	}
	r := p.state.trusted(*m)
	return r != nil && r.Volume == engine.VolumeEmpty
}

// bringBack notes that a member's volume is there again under another claim.
// That is not a loss: the marker on it, or the server, says so. Until the agent
// has reported, nothing is known.
func (p *draft) bringBack(name string, e Entry) Entry {
	if !p.broughtBack(name, e) {
		return e
	}
	m := p.state.member(name)
	id := m.Report.Server.ID
	e.Lost = slices.DeleteFunc(slices.Clone(e.Lost), func(lost string) bool { return lost == id })
	e.Volume = orElse(e.Volume, e.ClaimUID)
	e.ID, e.ClaimUID, e.PodUID = orElse(id, e.ID), m.Claim.UID, m.Pod.UID
	return e
}

// adopt takes into the ledger whose volume bears a grant of this set, and is
// not in it: the ledger may be older than the grant, or the volume was brought
// back after the member had been given up.
func (p *draft) adopt() {
	if !p.ledger.Formed {
		return
	}
	for _, m := range p.state.Members {
		r := p.state.trusted(m)
		_, known := p.ledger.Members[m.Name]
		if known || r == nil || m.Claim == nil || r.Volume != engine.VolumeMember || r.ClusterID != p.ledger.ClusterID {
			continue
		}
		p.ledger.set(m.Name, Entry{Grant: r.Grant, PodUID: m.Pod.UID, ClaimUID: m.Claim.UID, Volume: r.ClaimUID})
	}
}

// broughtBack tells whether a member's volume is there again under a claim of
// another UID.
func (p *draft) broughtBack(name string, e Entry) bool {
	m := p.state.member(name)
	if m == nil || m.Claim == nil || m.Claim.UID == e.ClaimUID {
		return false
	}
	r := p.state.trusted(*m)
	if r == nil || r.Volume != engine.VolumeMember {
		return false
	}
	known := r.Server.ID != "" && (r.Server.ID == e.ID || slices.Contains(e.Lost, r.Server.ID))
	return known || e.ClaimUID != "" && r.ClaimUID == orElse(e.Volume, e.ClaimUID)
}

// volumeLost tells whether the volume that a grant was for is known to be gone:
// there is no claim under the name, and no pod whose server may still be on it,
// or another claim, behind which the member's own agent found no data to go on
// with. A claim whose finalizers somebody removed goes before its pod does.
func (p *draft) volumeLost(name string, e Entry) bool {
	if !p.claimGone(name, e) {
		return false
	}
	m := p.state.member(name)
	return m == nil || m.Claim == nil && (m.Pod == nil || !m.Pod.Started) || p.state.held(*m)
}

// claimGone tells whether the claim that a grant was for no longer exists.
func (p *draft) claimGone(name string, e Entry) bool {
	m := p.state.member(name)
	return m == nil || m.Claim == nil || m.Claim.UID != e.ClaimUID
}

// settleMembership takes what a quorum says of a member: its identity and
// vote, lost identities that are no longer there or that it has taken up again
// (where a name is the identity), and whether nothing is left of it. An entry
// without a volume has no server that could have any of the identities under
// its name: all of them are lost.
func (p *draft) settleMembership(name string, e Entry) (_ Entry, gone bool) {
	a := p.out.Assessment
	if !p.ledger.Formed || !a.Known {
		return e, false
	}
	peers := a.PeersNamed(name)
	e.Lost = slices.DeleteFunc(slices.Clone(e.Lost), func(id string) bool { return !a.Has(id) })
	m := p.state.member(name)
	if e.ClaimUID == "" {
		for _, q := range peers {
			e.Lost = appendNew(e.Lost, q.ID)
		}
	}
	if !remains(a, name, e) && (e.Leaving || e.ClaimUID == "") && p.vacant(name) {
		return e, true
	}
	if m != nil && !p.claimGone(name, e) {
		e = settleIdentity(e, p.state.trusted(*m), peers)
	}
	return e, false
}

// settleIdentity takes identity and vote of the peer that the member's own
// server says it is.
func settleIdentity(e Entry, r *engine.Report, peers []engine.Peer) Entry {
	if r == nil || !r.Server.Running {
		return e
	}
	for _, q := range peers {
		if q.ID == r.Server.ID {
			e.ID = q.ID
			e.Joined = e.Joined || q.Voter || q.Spare && q.Healthy
			e.Lost = slices.DeleteFunc(e.Lost, func(id string) bool { return id == q.ID })
		}
	}
	return e
}

func appendNew(ids []string, id string) []string {
	if id == "" || slices.Contains(ids, id) {
		return ids
	}
	return append(ids, id)
}

// remains tells whether anything of a member is in the membership, which may
// not know the name of one that died long ago.
func remains(a engine.Assessment, name string, e Entry) bool {
	return len(a.PeersNamed(name)) > 0 || len(e.Lost) > 0 || e.ID != "" && a.Has(e.ID)
}

// vacant tells whether no server can run under a name: there is no volume, or
// it is held back.
func (p *draft) vacant(name string) bool {
	m := p.state.member(name)
	return m == nil || m.Claim == nil && m.Pod == nil || p.stopped(m)
}

// stopped tells whether the agent of a member that was asked to leave reports
// that its server is down for good: it holds the gate, and no server may be
// running behind it. A silent one may still start it.
func (p *draft) stopped(m *Member) bool {
	return m != nil && p.state.held(*m) && !p.state.trusted(*m).Server.Running
}

// foreign stalls where a volume holds what is not this datastore's. Its server
// stays down, unless it came to hold that while it ran; nothing on it is touched.
func (p *draft) foreign() bool {
	var names []string
	for _, m := range p.state.Members {
		if m.Report != nil && (m.Report.Volume == engine.VolumeForeign || p.state.ofAnotherSet(m) || p.unmarked(m) && !p.mayAdopt(m)) && m.Pod != nil && m.Report.PodUID == m.Pod.UID {
			names = append(names, m.Name)
		}
	}
	if len(names) == 0 {
		return false
	}
	p.stall(v1alpha1.ReasonForeignVolume, fmt.Sprintf("the volume of %s holds data that is not of this datastore (cluster %s); "+
		"its server is not started and the data is left as it is; move the claim away, or delete claim and pod to give its data up",
		strings.Join(names, ", "), p.ledger.ClusterID))
	return !p.ledger.Formed
}

// dataLost tells whether the set has formed and no volume is left that may hold
// its data.
func (p *draft) dataLost() bool {
	if !p.ledger.Formed || len(p.ledger.Members) == 0 {
		return false
	}
	for name, e := range p.ledger.Members {
		if p.mayHoldData(name, e) {
			return false
		}
	}
	return true
}

// mayHoldData tells whether the set's data may be on a member's volume. It is
// not on one that is gone, nor on that of a joiner whose agent says that it has
// got nothing yet; a member that has left never starts on its data again.
func (p *draft) mayHoldData(name string, e Entry) bool {
	if e.ClaimUID == "" || p.volumeLost(name, e) || p.wiped(name, e) {
		return false
	}
	m := p.state.member(name)
	if p.ledger.Abandoned && p.doomed(*m) {
		return false // its agent said so, while there was one
	}
	r := p.state.trusted(*m)
	if r == nil || e.Joined && !e.Leaving || r.Grant == engine.GrantAdopt && r.Volume == engine.VolumeMember {
		return true
	}
	return !p.blank(*m) && !p.leftBehind(name)
}

// blank tells whether a member's agent says that it has nothing of the set's yet.
func (p *draft) blank(m Member) bool {
	r := p.state.trusted(m)
	return r != nil && r.Volume == engine.VolumeEmpty || p.stateless(m)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
