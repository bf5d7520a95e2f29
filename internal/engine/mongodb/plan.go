// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/engine"
)

// Plan lists, in this order:
//
//  1. Bootstrap, alone: the first member initiates the set, if it was granted to
//     form one and nobody that reports holds a configuration; then the primary
//     makes the users.
//     In a recovery, where nobody leads: Configure, alone, see recover.go.
//  2. EvictDead for each identity in the configuration that is known to be lost
//     and that no running member reports as its own.
//  3. Promote for each wanted member without a vote that has caught up, the lowest
//     ordinal first, while fewer have one than shall: an odd number, and at most 7.
//  4. Join for each wanted member that runs and is in no configuration, without a
//     vote.
//  5. StepDown where the primary is none of those that may lead now and one of
//     these could.
//  6. For each member that is not wanted, the highest ordinal first, the next step
//     on its way out: StepDown if it is the primary, Demote while it has a vote,
//     and then Leave.
//  7. Demote for a wanted member, where more have a vote than shall.
//  8. Finalize: the set gets the features of its release, once every member has
//     run it for a while; before that it can still go back to the release before.
//
// It does not:
//   - name who shall lead next: the server chooses among those that have caught
//     up. Where the wrong one was chosen that one steps down again;
//   - evict an identity under a wanted name that merely differs from the one that
//     its member reports: only what is known to be lost goes;
//   - force anything but in a recovery.
func (Engine) Plan(want engine.Desired, have engine.Observation) []engine.Step {
	a, lead := assess(have)
	switch {
	case lead == nil && a.Formed:
		return force(have)
	case lead == nil:
		return initiate(have)
	case lead.Server.Facts[FactUsers] == UsersPending:
		return []engine.Step{{
			Kind: engine.StepBootstrap, Member: a.Leader, Params: map[string]string{ParamPhase: PhaseUsers},
			Secrets: []string{CredentialAdmin, CredentialAgent}, Why: "the set has no users yet",
		}}
	case !a.Known:
		return nil
	}
	p := planner{want: want, have: have, a: a, features: lead.Server.Facts[FactFeatures], set: lead.Server.Set}
	p.evict()
	p.promote()
	p.join()
	p.lead()
	p.remove()
	p.demote()
	p.finalize()
	return p.steps
}

// initiate has the first member form the set. It is asked only of a server that
// was let form on this volume, and only while no member is known to hold a
// configuration; see package plan for who may be asked when not all report.
func initiate(have engine.Observation) []engine.Step {
	for _, m := range have.Members {
		if r := m.Report; r != nil && r.Grant == engine.GrantForm && r.Server.Running && !r.Server.Formed {
			return []engine.Step{{
				Kind: engine.StepBootstrap, Member: m.Name, Params: map[string]string{ParamPhase: PhaseInitiate}, Why: "no replica set was initiated yet",
			}}
		}
	}
	return nil
}

type planner struct {
	want     engine.Desired
	have     engine.Observation
	a        engine.Assessment
	set      string // the set's identity
	features string // its feature compatibility version
	steps    []engine.Step
}

// change is a step by which the primary changes the configuration of one member.
func (p *planner) change(kind engine.StepKind, peer engine.Peer, why string) engine.Step {
	s := engine.Step{
		Kind: kind, Member: p.a.Leader, Subject: peer.Name, SubjectID: peer.ID, Term: p.a.Term,
		Cost: engine.Cost{Membership: true}, Why: why,
	}
	if kind == engine.StepDemote && peer.Healthy {
		s.Cost.Voters = 1
	}
	return s
}

func (p *planner) add(s engine.Step) { p.steps = append(p.steps, s) }

func (p *planner) evict() {
	for _, peer := range p.a.Peers {
		if name := p.want.LostName(peer.ID); name != "" && !p.have.Runs(peer) {
			s := p.change(engine.StepEvictDead, peer, "no server will ever have this identity again")
			s.Subject = name
			p.add(s)
		}
	}
}

// promote gives votes while fewer have one than shall.
func (p *planner) promote() {
	if voters, _ := p.a.Voters(); voters >= maxVotes || len(p.staying()) >= votes(len(p.want.Members)) {
		return
	}
	for _, peer := range p.byOrdinal() {
		if p.want.Wants(peer.Name) && !peer.Voter && peer.Healthy {
			p.add(p.change(engine.StepPromote, peer, "it has caught up and has no vote yet"))
		}
	}
}

// join adds those that run and that no configuration has. A server with the
// configuration of another set is none of this one's, whatever its volume says.
func (p *planner) join() {
	for _, name := range p.want.Members {
		r := p.have.Report(name)
		if r == nil || r.Volume != engine.VolumeMember || !r.Server.Running || r.Server.ID != "" || len(p.a.PeersNamed(name)) > 0 {
			continue
		}
		if set := r.Server.Set; set != "" && set != p.set {
			continue
		}
		s := p.change(engine.StepJoin, engine.Peer{Name: name}, "it runs and is no member yet")
		s.Params = map[string]string{ParamHost: r.Server.Facts[FactHost]}
		p.add(s)
	}
}

// demote takes a vote where more have one than shall, from the highest ordinal
// that is not the primary, once those that go are out: one of them may come back.
func (p *planner) demote() {
	stay := p.staying()
	goes := slices.ContainsFunc(p.a.Peers, func(q engine.Peer) bool { return !p.want.Wants(q.Name) })
	if goes || len(stay) <= votes(len(p.want.Members)) {
		return
	}
	for _, peer := range slices.Backward(stay) {
		if peer.Name != p.a.Leader {
			p.add(p.change(engine.StepDemote, peer, fmt.Sprintf("%d votes are best for %d members", votes(len(p.want.Members)), len(p.want.Members))))
			return
		}
	}
}

// staying are those with a vote that shall stay, by ordinal.
func (p *planner) staying() []engine.Peer {
	return slices.DeleteFunc(p.byOrdinal(), func(q engine.Peer) bool {
		return !q.Voter || !p.want.Wants(q.Name) || p.want.LostName(q.ID) != ""
	})
}

func (p *planner) lead() {
	if !p.want.MayLead(p.a.Leader) && len(p.want.Heirs(p.a.Peers)) > 0 {
		p.stepDown(fmt.Sprintf("it is the primary, which only %s shall be now", strings.Join(p.want.Lead, ", ")))
	}
}

func (p *planner) stepDown(why string) {
	if !slices.ContainsFunc(p.steps, func(s engine.Step) bool { return s.Kind == engine.StepStepDown }) {
		p.add(engine.Step{Kind: engine.StepStepDown, Member: p.a.Leader, Term: p.a.Term, Why: why})
	}
}

func (p *planner) remove() {
	for _, peer := range slices.Backward(p.byOrdinal()) {
		switch {
		case p.want.Wants(peer.Name) || p.want.LostName(peer.ID) != "":
		case peer.Name == p.a.Leader:
			p.stepDown("it is the primary and is no longer wanted")
		case peer.Voter:
			p.add(p.change(engine.StepDemote, peer, "it is no longer wanted"))
		default:
			p.add(p.change(engine.StepLeave, peer, "it is no longer wanted"))
		}
	}
}

// finalize raises the feature compatibility version where every member of the
// configuration runs the release that it is to be, by its own word.
func (p *planner) finalize() {
	to := ""
	for _, peer := range p.a.Peers {
		r := p.have.Report(peer.Name)
		if !p.have.Serves(peer) || !peer.Healthy {
			return
		}
		of := release(r.Server.Version)
		if of == "" || to != "" && of != to {
			return
		}
		to = of
	}
	if !p.want.BurnedIn || !slices.Contains(graph[p.features], to) {
		return
	}
	p.add(engine.Step{
		Kind: engine.StepFinalize, Member: p.a.Leader, Term: p.a.Term, Params: map[string]string{ParamFeatures: to},
		// As with a change of the membership, nothing else may be under way.
		Cost: engine.Cost{Membership: true},
		Why:  fmt.Sprintf("all members run %s, and the set has the features of %s yet; there is no way back after it", to, p.features),
	})
}

// byOrdinal are the peers by the numbers in their names.
func (p *planner) byOrdinal() []engine.Peer {
	out := slices.Clone(p.a.Peers)
	slices.SortStableFunc(out, func(a, b engine.Peer) int {
		return cmp.Compare(engine.OrdinalOf(a.Name), engine.OrdinalOf(b.Name))
	})
	return out
}
