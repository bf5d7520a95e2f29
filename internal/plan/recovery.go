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

// A set that has lost so many volumes that what is left can never be a quorum is
// recovered from what is left, if the user agrees: what only the others had is
// lost, acknowledged or not. Nothing of this begins on the strength of silence
// (law 2): every member has either its volume and an agent that reports, or has
// lost its volume, by the API server's word or by that of the agent on it. Where
// one is silent the user is told of it, and nothing is offered.
//
// The consent names the survivor with the newest data, and which recovery it is,
// so that it is good once. From then on the ledger has who survives. The claims
// of the others that are still there, on nodes that are gone, are deleted first:
// if these came back they could be a quorum of their own (law 1). Then each
// survivor's agent is told; its server starts again only with its data prepared.
// That they are about to be told is in the ledger before: until then the recovery
// is given up where somebody comes back, and after it no more, since a survivor
// may be on its way. When all have been told their pods are replaced, and when all
// are prepared the recovery is over. The lost members then join as any other on an
// empty volume.

// Recovery is a recovery that is under way.
type Recovery struct {
	// Survivors are the members that it is made from.
	Survivors []string `json:"survivors"`
	// Voters are the identities that had a vote, by the newest survivor's data.
	Voters []string `json:"voters,omitempty"`
	// Params are the engine's.
	Params map[string]string `json:"params,omitempty"`
	// Told is set before the first survivor is told.
	Told bool `json:"told,omitempty"`
}

func (r *Recovery) clone() *Recovery {
	if r == nil {
		return nil
	}
	return &Recovery{Survivors: slices.Clone(r.Survivors), Voters: slices.Clone(r.Voters), Params: maps.Clone(r.Params), Told: r.Told}
}

func (r *Recovery) equal(o *Recovery) bool {
	if r == nil || o == nil {
		return r == o
	}
	return r.Told == o.Told && slices.Equal(r.Survivors, o.Survivors) && slices.Equal(r.Voters, o.Voters) && maps.Equal(r.Params, o.Params)
}

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

// saysNothing tells whether a member's agent is silent, does not know its own
// server, or is on its way out.
func (p *draft) saysNothing(m Member) bool {
	r := p.state.trusted(m)
	return r == nil || r.Server.ID == "" || r.Volume == engine.VolumeLeaving
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

// recoverer is the engine, where it knows recoveries and one may be needed: none
// is under way, and none is begun on a set that shall be stopped.
func (p *draft) recoverer() engine.Recoverer {
	if p.ledger.Recovery != nil || p.state.Wanted.Stopped || !p.leaderless() {
		return nil
	}
	r, _ := p.engine.(engine.Recoverer)
	return r
}

// beginRecovery writes down a recovery that the user agrees to, if one is needed.
func (p *draft) beginRecovery() {
	rec := p.recoverer()
	if rec == nil {
		return
	}
	r := p.remnant(rec)
	if !p.hopeless(r) || len(r.unknown)+len(r.terminating) > 0 || !slices.Contains(p.state.Wanted.Approved, p.consent(r.Newest)) {
		return
	}
	if p.traits.StableAddress && slices.ContainsFunc(r.survivors, func(m Member) bool { return m.Address == "" }) {
		return // its Service is made again first
	}
	p.ledger.Recoveries = p.nextRecovery()
	p.ledger.Recovery = &Recovery{Survivors: namesOf(r.survivors), Voters: r.Voters, Params: rec.Recover(p.observed(r.survivors))}
	for _, m := range p.claimsGivenUp() {
		p.doom(m)
	}
}

// claimsGivenUp are the members whose claims are still there, and go with a
// recovery.
func (p *draft) claimsGivenUp() []Member {
	var out []Member
	for _, m := range p.state.Members {
		if p.lostFor(m) != "" && !p.doomed(m) {
			out = append(out, m)
		}
	}
	return out
}

// consent is what the user would have to say.
func (p *draft) consent(newest string) v1alpha1.Approval {
	return v1alpha1.Approval{Kind: v1alpha1.ApproveRecover, Subject: newest, Token: fmt.Sprint(p.nextRecovery())}
}

// nextRecovery is later than any that the ledger or an agent knows of: the ledger
// may have been restored from a backup, and a word of the user's is good once.
func (p *draft) nextRecovery() int {
	last := p.ledger.Recoveries
	for _, m := range p.state.Members {
		if r := p.state.trusted(m); r != nil {
			if n := max(r.Recovery, r.Recovered); n > last && n-p.ledger.Recoveries <= farthestEpoch {
				last = n
			}
		}
	}
	return last + 1
}

// withdrawn tells whether the user has taken the word back.
func (p *draft) withdrawn() bool {
	token := fmt.Sprint(p.ledger.Recoveries)
	return !slices.ContainsFunc(p.state.Wanted.Approved, func(a v1alpha1.Approval) bool {
		return a.Kind == v1alpha1.ApproveRecover && a.Token == token
	})
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

// askAboutRecovery calls the user where the majority is lost. Nothing else that a
// person is called for matters as much.
func (p *draft) askAboutRecovery() {
	rec := p.recoverer()
	if rec == nil {
		return
	}
	r := p.remnant(rec)
	gone := strings.Join(r.gone, "; ")
	switch {
	case len(r.gone) > 0 && r.left+len(r.unknown) == 0:
		p.stallOnRecovery("nothing is left that the set could be recovered from (%s); bring a volume back", gone)
	case p.mute(r) && len(r.unknown) > 0:
		p.stallOnRecovery("so many are lost (%s) that the others may be too few for a majority; %s is silent: bring it back, or delete its pod and claim if its volume is lost too", gone, strings.Join(r.unknown, ", "))
	case p.mute(r):
		p.stallOnRecovery("so many are lost (%s) that the others may be too few for a majority; %s", gone, r.Why)
	case p.hopeless(r):
		p.stallOnRecovery("of %d voters %d are left, too few for a majority ever again (%s); %s", len(r.Voters), r.able+len(r.unknown), gone, p.wayOut(r))
	}
}

func (p *draft) stallOnRecovery(format string, args ...any) {
	p.stall(v1alpha1.ReasonMajorityLost, fmt.Sprintf(format, args...))
}

// wayOut says what the user can do.
func (p *draft) wayOut(r remnant) string {
	switch {
	case len(r.unknown) > 0:
		return fmt.Sprintf("%s is silent or on its way out, and may have the newest data: bring it back, or delete its pod and claim if its volume is lost too", strings.Join(r.unknown, ", "))
	case len(r.terminating) == len(r.survivors):
		return fmt.Sprintf("the claim of %s is being deleted, so that the set cannot be recovered from it: save the data before anything ends the pod, for instance as a snapshot, or have its PersistentVolume retained", strings.Join(r.terminating, ", "))
	case len(r.terminating) > 0:
		return fmt.Sprintf("the claim of %s is being deleted, so that the set cannot be recovered from it: delete its pod too to give its data up", strings.Join(r.terminating, ", "))
	}
	text := fmt.Sprintf("%s has the newest data of what is left (%s); bring the volumes of the others back, or agree that the set goes on from %s, and that what only the others had is lost", r.Newest, r.Why, strings.Join(namesOf(r.survivors), ", "))
	if claims := p.claimsGivenUp(); len(claims) > 0 {
		text += fmt.Sprintf(" (the claims of %s are deleted)", strings.Join(namesOf(claims), ", "))
	}
	text += fmt.Sprintf(", with the annotation %s=%s", v1alpha1.AnnotationApprove, p.consent(r.Newest))
	if w := p.state.Wanted.Unreadable; w != "" {
		text += "; what stands there agrees to nothing: " + w
	}
	return text
}

// recover takes a recovery that is under way as far as it goes in this pass.
func (p *draft) recover() {
	p.disrupting = true
	r := p.ledger.Recovery
	switch {
	case p.recovered():
		p.ledger.Recovery = nil
	case p.survivorLost() || !r.Told && (p.out.Assessment.Known || p.otherLeft() || p.withdrawn()):
		// The user is asked anew, about what there is now.
		p.ledger.Recovery, p.raise = nil, true
		p.spareClaims()
	case !r.Told && p.givesUp():
		p.summarize(Summary{Action: engine.StepRecover, Why: "the volumes of those that are lost are given up first"})
	default:
		r.Told = true
		if p.tellSurvivors() {
			return
		}
		p.restartSurvivors()
		p.summarize(Summary{Action: engine.StepRecover, Why: strings.Join(r.Survivors, ", ") + " start again as a set of their own"})
	}
}

// spareClaims takes back that claims are given up for a recovery, as far as they
// are not being deleted.
func (p *draft) spareClaims() {
	p.ledger.Discards = slices.DeleteFunc(p.ledger.Discards, func(d Discard) bool {
		claim := p.claimOf(d)
		return d.Lost && (claim == nil || !claim.Terminating)
	})
}

// recovered tells whether every survivor's data is prepared: from there on the
// servers do the rest, and others may come and go before it is seen.
func (p *draft) recovered() bool {
	return p.everySurvivor(func(m Member) bool {
		r := p.state.trusted(m)
		return r != nil && r.Recovered == p.ledger.Recoveries
	})
}

// survivorLost tells whether a survivor has lost its volume meanwhile.
func (p *draft) survivorLost() bool {
	return !p.everySurvivor(func(m Member) bool {
		return p.beyondUse(m.Name, p.ledger.Members[m.Name]) == "" && (m.Claim == nil || !m.Claim.Terminating)
	})
}

// otherLeft tells whether somebody else turns out to have a volume, and had a vote
// or is silent: it could be a quorum with others. Who had none when the survivors
// were chosen got none since, with nobody to give it.
func (p *draft) otherLeft() bool {
	r := p.ledger.Recovery
	return slices.ContainsFunc(p.granted(), func(name string) bool {
		e, m := p.ledger.Members[name], p.state.member(name)
		if p.beyondUse(name, e) != "" || slices.Contains(r.Survivors, name) || p.stateless(*m) {
			return false
		}
		report := p.state.trusted(*m)
		return e.Joined || report == nil || slices.Contains(r.Voters, report.Server.ID)
	})
}

func (p *draft) everySurvivor(is func(Member) bool) bool {
	return !slices.ContainsFunc(p.ledger.Recovery.Survivors, func(name string) bool {
		m := p.state.member(name)
		return m == nil || !is(*m)
	})
}

// givesUp tells whether a claim of one that is lost is still there.
func (p *draft) givesUp() bool {
	return slices.ContainsFunc(p.ledger.Discards, func(d Discard) bool { return d.Lost && p.claimOf(d) != nil })
}

// tellSurvivors asks each survivor's agent that does not know of it yet. It
// returns whether there is any.
func (p *draft) tellSurvivors() bool {
	waits := false
	for _, name := range p.ledger.Recovery.Survivors {
		m := p.state.member(name)
		if m.Pod == nil || p.told(*m) {
			waits = waits || m.Pod == nil
			continue
		}
		waits = true
		s := engine.Step{Kind: engine.StepRecover, Member: name, Recovery: p.ledger.Recoveries, Params: p.ledger.Recovery.Params, Why: "the user agreed"}
		if why := agentPresent(p, s); why != "" {
			p.guard(Summary{Action: s.Kind, Member: name, Why: s.Why, BlockedBy: GuardAgentPresent, Message: why})
			continue
		}
		p.summarize(Summary{Action: s.Kind, Member: name, Why: s.Why})
		p.out.Asks = append(p.out.Asks, Ask{Member: name, PodUID: m.Pod.UID, Step: &s})
	}
	return waits
}

// told tells whether a survivor's server does not start before, or has started
// after, its data was prepared.
func (p *draft) told(m Member) bool {
	r := p.state.trusted(m)
	return r != nil && r.Recovery == p.ledger.Recoveries
}

// leftovers tell members of a recovery that was given up before they were prepared
// for it, so that they never are. Until then nobody may be evicted.
func (p *draft) leftovers() []candidate {
	var out []candidate
	for _, m := range p.state.Members {
		if r := p.state.trusted(m); r != nil && r.Volume == engine.VolumeRecovering {
			out = append(out, candidate{step: engine.Step{
				Kind: engine.StepRecover, Member: m.Name, Recovery: r.Recovery,
				Why: fmt.Sprintf("recovery %d was given up", r.Recovery),
			}})
		}
	}
	return out
}

// restartSurvivors replaces the pods of those whose servers still run as they
// were. They cannot serve but together, each with its data prepared.
func (p *draft) restartSurvivors() {
	for _, name := range p.ledger.Recovery.Survivors {
		m, e := p.state.member(name), p.ledger.Members[name]
		if r := p.state.trusted(*m); r == nil || r.Volume != engine.VolumeRecovering || !r.Released || m.Pod.Terminating {
			continue
		}
		e.Replacing = m.Pod.UID
		p.ledger.set(name, e)
		p.out.Replace = append(p.out.Replace, PodRef{Name: name, UID: m.Pod.UID})
	}
}
