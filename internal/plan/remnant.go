// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"github.com/quorate/quorate/internal/engine"
)

// remnant is what is left of a formed set.
type remnant struct {
	engine.Remains
	// survivors have their volumes, report, and have a vote or the newest data.
	survivors []Member
	// gone are sentences on those whose volumes are gone, or will never be used.
	gone []string
	// unknown are those of which neither is known: they may have a vote.
	unknown []string
	// terminating are survivors on claims that are being deleted, so that their
	// pods cannot be replaced.
	terminating []string
	// able is how many have a vote, whether they have the set's state or not yet,
	// and left how many have their volumes.
	able, left int
}

// remnant takes stock.
func (p *draft) remnant(rec engine.Recoverer) remnant {
	r, have, blank := p.sortMembers()
	r.left = len(have) + len(blank)
	if len(have) == 0 {
		r.Why = "nobody that is left is known to have the set's state"
		return r
	}
	r.Remains = rec.Remains(p.observed(have))
	for _, m := range blank {
		if r.votes(m) {
			r.able++ // it gets the state from whoever leads
		}
	}
	for _, m := range have {
		if r.votes(m) {
			r.able++
		} else if m.Name != r.Newest {
			continue
		}
		r.survivors = append(r.survivors, m)
		if m.Claim == nil || m.Claim.Terminating {
			r.terminating = append(r.terminating, m.Name)
		}
	}
	r.unknown = append(r.unknown, p.strangers(r, append(blank, have...))...)
	return r
}

func (r remnant) votes(m Member) bool { return slices.Contains(r.Voters, m.Report.Server.ID) }

// sortMembers tells apart who is gone, who is unknown, who has the set's state
// and who has nothing yet. A member that the ledger does not know may run all the
// same: the ledger may be older than it is.
func (p *draft) sortMembers() (r remnant, have, blank []Member) {
	for _, m := range p.state.Members {
		if _, known := p.ledger.Members[m.Name]; !known && m.Claim != nil && m.Claim.Stranded == "" && m.Pod != nil && p.state.trusted(m) == nil {
			r.unknown = append(r.unknown, m.Name)
		}
	}
	for _, name := range p.granted() {
		e, m := p.ledger.Members[name], p.state.member(name)
		switch why := p.beyondUse(name, e); {
		case why != "":
			r.gone = append(r.gone, name+" "+why)
		case !p.claimGone(name, e) && p.takenOut(e, *m):
			// it has left, and only its server is still to be stopped
		case p.claimGone(name, e) || p.saysNothing(*m):
			r.unknown = append(r.unknown, name)
		case p.stateless(*m):
			blank = append(blank, *m)
		default:
			have = append(have, *m)
		}
	}
	return r, have, blank
}

// takenOut tells whether a member that was asked to leave has done so: its server
// runs and has no identity, where a step gives that and takes it.
func (p *draft) takenOut(e Entry, m Member) bool {
	r := p.state.trusted(m)
	return e.Leaving && !p.traits.StartIsJoin && r != nil && r.Server.Running && r.Server.ID == ""
}

// saysNothing tells whether a member's agent is silent, does not know its own
// server, or is on its way out.
func (p *draft) saysNothing(m Member) bool {
	r := p.state.trusted(m)
	return r == nil || r.Server.ID == "" && !p.nobodyYet(r) || r.Volume == engine.VolumeLeaving
}

// nobodyYet tells whether a server runs that no step has added to the membership:
// it has no identity before that.
func (p *draft) nobodyYet(r *engine.Report) bool {
	return !p.traits.StartIsJoin && r.Server.Running && !r.Server.Formed
}

// strangers are voters of which the ledger knows nothing, unless they can be those
// that were lost before their identity was seen.
func (p *draft) strangers(r remnant, left []Member) []string {
	accounted, nameless := map[string]bool{}, 0
	for _, m := range left {
		accounted[m.Report.Server.ID] = true
	}
	for _, name := range p.granted() {
		e := p.ledger.Members[name]
		for _, id := range append(slices.Clone(e.Lost), e.ID) {
			accounted[id] = true
		}
		if e.ID == "" && len(e.Lost) == 0 && p.beyondUse(name, e) != "" {
			nameless++
		}
	}
	out := slices.DeleteFunc(slices.Clone(r.Voters), func(id string) bool { return accounted[id] })
	if len(out) <= nameless {
		return nil
	}
	return out
}

// stateless tells whether a member's server is known not to hold the set's state:
// it was let start and has got nothing yet.
func (p *draft) stateless(m Member) bool {
	r := p.state.trusted(m)
	return r != nil && r.Server.Running && !r.Server.Formed
}

// beyondUse says why no server will ever start again on a member's volume; empty
// where one may. Who is leaving and whose server still runs has its vote yet.
func (p *draft) beyondUse(name string, e Entry) string {
	m := p.state.member(name)
	switch {
	case e.ClaimUID == "" || m == nil || p.volumeLost(name, e):
		return "has lost its volume"
	case p.lostFor(*m) != "":
		return "is lost: " + p.lostFor(*m)
	}
	if r := p.state.trusted(*m); r != nil && r.Volume == engine.VolumeLeaving && !r.Released && !r.Server.Running {
		return "has been told to leave, and never starts again on its data"
	}
	return ""
}

// hopeless tells whether what is left can never be a quorum, by the newest
// survivor's own count of voters.
func (p *draft) hopeless(r remnant) bool {
	return len(r.gone) > 0 && r.Newest != "" && r.able+len(r.unknown) < p.traits.Quorum(len(r.Voters))
}

// leaderless tells whether a formed set has no quorum now. Stock is taken of no
// other.
func (p *draft) leaderless() bool {
	a := p.out.Assessment
	return p.ledger.Formed && !a.Known && !a.Serving
}

// mute tells whether it looks hopeless, and nobody says who has the newest data.
func (p *draft) mute(r remnant) bool {
	left := r.left + len(r.unknown)
	return len(r.gone) > 0 && r.Newest == "" && left < p.traits.Quorum(left+len(r.gone))
}

func (p *draft) observed(members []Member) []engine.MemberObservation {
	names := namesOf(members)
	return slices.DeleteFunc(slices.Clone(p.seen.Members), func(m engine.MemberObservation) bool { return !slices.Contains(names, m.Name) })
}

func namesOf(members []Member) []string {
	out := make([]string, 0, len(members))
	for _, m := range members {
		out = append(out, m.Name)
	}
	return out
}
