// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quorate/quorate/internal/engine"
)

// Plan lists, in this order:
//
//  1. Bootstrap, alone, where a leader stands and access control is pending.
//  2. Configure, where autopilot's settings are not those of the wanted size.
//  3. EvictDead for each identity in the membership that is known to be lost
//     and that no running member reports as its own.
//  4. StepDown where the leader is none of those that may lead now and one of
//     these could.
//  5. Leave for each member that is not wanted, the highest ordinal first; one
//     that leads steps down before.
//
// It does not:
//   - join or promote: a granted server is added by the leader as soon as they
//     meet, and gets its vote from autopilot once it is stable;
//   - evict an identity under a wanted name that merely differs from the one
//     that its member reports: only what is known to be lost goes;
//   - let a silent or stopped member leave: its own server must do it. One that
//     will never run again is lost, which is the core's to say;
//   - replace a member that never came up: that is the core's.
func (Engine) Plan(want engine.Desired, have engine.Observation) []engine.Step {
	a, lead := assess(have)
	if lead == nil {
		return nil
	}
	if lead.Server.Facts[FactACL] == ACLPending {
		return []engine.Step{{
			Kind: engine.StepBootstrap, Member: a.Leader, Term: a.Term,
			Secrets: []string{CredentialManagement, CredentialAgent},
			Why:     "access control accepts no token of the members yet",
		}}
	}
	if !a.Known {
		return nil
	}
	p := planner{want: want, have: have, a: a, facts: lead.Server.Facts}
	p.configure()
	p.evict()
	p.lead()
	p.leave()
	return p.steps
}

type planner struct {
	want  engine.Desired
	have  engine.Observation
	a     engine.Assessment
	facts map[string]string
	steps []engine.Step
}

// add appends a step that the leader carries out or that depends on who leads.
func (p *planner) add(s engine.Step) {
	s.Term = p.a.Term
	p.steps = append(p.steps, s)
}

func (p *planner) configure() {
	if len(p.want.Members) == 0 {
		return
	}
	quorum := strconv.Itoa(engine.Majority(len(p.want.Members)))
	if p.facts[FactQuorum] == quorum && p.facts[FactCleanup] == "false" {
		return
	}
	p.add(engine.Step{
		Kind: engine.StepConfigure, Member: p.a.Leader,
		Params: map[string]string{ParamQuorum: quorum},
		Why:    fmt.Sprintf("autopilot shall evict nobody and keep %s votes for %d members", quorum, len(p.want.Members)),
	})
}

func (p *planner) evict() {
	for _, peer := range p.a.Peers {
		name := p.want.LostName(peer.ID)
		if name == "" || p.have.Runs(peer) {
			continue
		}
		p.add(engine.Step{
			Kind: engine.StepEvictDead, Member: p.a.Leader, Subject: name, SubjectID: peer.ID,
			Cost: engine.Cost{Membership: true},
			Why:  "no server will ever have this identity again",
		})
	}
}

// lead has the leader step down where it may not lead now. A member that is to
// leave never comes in its place: it would only have to step down itself.
func (p *planner) lead() {
	heirs := p.want.Heirs(p.a.Peers)
	if p.want.MayLead(p.a.Leader) || len(heirs) == 0 {
		return
	}
	p.stepDown(heirs, fmt.Sprintf("it leads, which only %s shall do now", strings.Join(p.want.Lead, ", ")))
}

func (p *planner) stepDown(prefer []string, why string) {
	p.add(engine.Step{
		Kind: engine.StepStepDown, Member: p.a.Leader,
		Params: map[string]string{ParamPrefer: strings.Join(prefer, ",")},
		Why:    why,
	})
}

func (p *planner) leave() {
	peers := slices.Clone(p.a.Peers)
	slices.SortFunc(peers, func(a, b engine.Peer) int {
		return cmp.Or(-cmp.Compare(engine.OrdinalOf(a.Name), engine.OrdinalOf(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	for _, peer := range peers {
		if !p.want.Wants(peer.Name) && p.want.LostName(peer.ID) == "" && p.have.Runs(peer) {
			p.leaveOne(peer)
		}
	}
}

func (p *planner) leaveOne(peer engine.Peer) {
	if peer.Name == p.a.Leader && !p.stepsDown() {
		prefer := p.want.Heirs(p.a.Peers)
		if len(prefer) == 0 {
			prefer = p.want.Members
		}
		p.stepDown(prefer, "it leads and is no longer wanted")
	}
	step := engine.Step{
		Kind: engine.StepLeave, Member: peer.Name, SubjectID: peer.ID,
		Cost: engine.Cost{Membership: true},
		Why:  "it is no longer wanted",
	}
	if peer.Voter && peer.Healthy {
		step.Cost.Voters = 1
	}
	p.add(step)
}

// stepsDown tells whether the leader is to step down already.
func (p *planner) stepsDown() bool {
	return slices.ContainsFunc(p.steps, func(s engine.Step) bool { return s.Kind == engine.StepStepDown })
}
