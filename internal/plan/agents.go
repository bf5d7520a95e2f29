// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"

	"github.com/quorate/quorate/internal/engine"
)

// agents is the next agent of another version than the manager's. It is changed
// in the living pod, so that the server goes on: a new operator restarts no
// server. The pod is not ready until the new agent has reported, so that one is
// changed at a time, while all the others are healthy voters.
//
// A member that leaves, or whose pod is to be replaced, is left as it is: in the
// latter case the pod is made anew and its agent changed then.
func (p *draft) agents() []candidate {
	want := p.state.Wanted.Agent
	for _, m := range p.state.Members {
		if want == "" || m.Pod == nil || m.Pod.Terminating || m.Pod.Agent == "" || m.Pod.Agent == want || !p.stays(m) || p.outdated(m) {
			continue
		}
		return []candidate{{step: engine.Step{
			Kind: engine.StepUpgradeAgent, Member: m.Name, Why: fmt.Sprintf("the agent of %s has the image %s, and %s is current", m.Name, m.Pod.Agent, want),
		}}}
	}
	return nil
}

// revivedAgents give a pod the present image where the kubelet says that its agent
// cannot start with the one that it has: one that cannot be pulled, say, or that
// ends as soon as it begins. There is nothing to lose and nobody to ask, and the
// guards would wait for that agent's word for ever. One whose image is the present
// one is left as it is. Silence alone is no such word (law 2).
//
// So it is with an agent of another version that may be kept out while a password is
// rotated: where that is the leader's, nobody can say who is a member.
func (p *draft) revivedAgents() {
	want := p.state.Wanted.Agent
	for _, m := range p.state.Members {
		if want == "" || m.Pod == nil || m.Pod.Terminating {
			continue
		}
		if down := m.Pod.AgentDown; !(down != "" && down != want) && !p.mayBeKeptOut(m) {
			continue
		}
		if ref := (PodRef{Name: m.Name, UID: m.Pod.UID}); !slices.Contains(slices.Concat(p.out.UpgradeAgents, p.out.Replace), ref) {
			p.out.UpgradeAgents = append(p.out.UpgradeAgents, ref)
		}
	}
}

// tellingAgents gives those that are left of a majority that was lost the present
// agent, where nobody says who has the newest data: an older one may not know how to.
// One at a time, and the next once that one reports; there is no quorum that the
// guards could wait for, and no server is touched.
func (p *draft) tellingAgents() {
	want, next := p.state.Wanted.Agent, PodRef{}
	for _, m := range p.state.Members {
		switch {
		case m.Pod == nil || m.Pod.Terminating || m.Pod.Agent == "" || p.outdated(m) || p.beyondUse(m.Name, p.ledger.Members[m.Name]) != "":
		case m.Pod.Agent == want && (!m.Pod.AgentSettled || p.state.trusted(m) == nil):
			return
		case m.Pod.Agent != want && next.Name == "":
			next = PodRef{Name: m.Name, UID: m.Pod.UID}
		}
	}
	if want != "" && next.Name != "" && len(p.out.Asks)+len(p.out.Replace)+len(p.out.UpgradeAgents) == 0 {
		p.summarize(Summary{Action: engine.StepUpgradeAgent, Member: next.Name, Why: "it does not say whose data is the newest"})
		p.out.UpgradeAgents = append(p.out.UpgradeAgents, next)
	}
}

// freshAgents gives a member that waits to join the present agent at once, before it
// is given anything to do: no server runs behind its gate, so that it costs nothing
// and waits for no turn.
func (p *draft) freshAgents() {
	want := p.state.Wanted.Agent
	for _, m := range p.state.Members {
		if want == "" || len(p.out.UpgradeAgents) > 0 || m.Ordinal >= p.state.Wanted.Replicas || !p.waitsToJoin(m) {
			continue
		}
		if m.Pod.Agent != "" && m.Pod.Agent != want && !p.out.asks(m.Name) {
			p.out.UpgradeAgents = append(p.out.UpgradeAgents, PodRef{Name: m.Name, UID: m.Pod.UID})
		}
	}
}
