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
		p.tellingAgents()
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
		voted := e.Joined && p.traits.Votes == nil || slices.Contains(r.Voters, e.ID)
		return voted || report == nil || slices.Contains(r.Voters, report.Server.ID)
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
