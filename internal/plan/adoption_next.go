// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"

	"github.com/quorate/quorate/internal/engine"
)

// What is here chooses the pod of a set that was made by hand which is replaced next.
// Whether it may go now is said in adoption_hold.go.

// adoptNext has the next pod replaced, or says what for it waits. As long as a pod of
// the UID in the ledger is there, no other one is begun: the manager that wrote it may
// still be about to delete the pod. Nor is that one deleted again without a look at the
// others, who may have failed since.
func (p *draft) adoptNext() {
	next := p.begunAdoption()
	if next == nil {
		next = p.nextToAdopt()
	}
	if next == nil {
		p.waitToAdopt("", "all members were taken over; waiting until all of them serve, and one of them leads")
		return
	}
	if next.Pod.Terminating {
		p.summarize(Summary{Action: engine.StepAdopt, Member: next.Name, Why: "its pod is being replaced"})
		return
	}
	if why := p.holdsAdoption(*next); why != "" {
		p.waitToAdopt(next.Name, why)
		return
	}
	if p.handsOver(*next) {
		return
	}
	e := p.ledger.Members[next.Name]
	e.Replacing = next.Pod.UID
	p.ledger.set(next.Name, e)
	p.ledger.FormationSize = int32(len(p.ledger.Members))
	why := next.Name + " was made by hand; its pod is replaced on its claim"
	if !next.Pod.Handmade {
		why = next.Name + " does not serve; its pod is replaced by one with the changed template"
	}
	p.summarize(Summary{Action: engine.StepAdopt, Member: next.Name, Why: why})
	p.out.Replace = append(p.out.Replace, PodRef{Name: next.Name, UID: next.Pod.UID})
}

// handsOver has a leader that was made by hand asked to hand over before its pod goes, by a
// member that was taken over: there is no agent beside it that the kubelet's word would
// reach first. It is asked once. A server that refuses has nobody who may follow it, and
// is ended all the same, as it would be by anybody.
func (p *draft) handsOver(next Member) bool {
	asker, ok := p.engine.(engine.HandOverer)
	leader, _ := p.leaderSeen()
	if !ok || leader != next.Name || !next.Pod.Handmade || p.ledger.Members[next.Name].Replacing == next.Pod.UID {
		return false
	}
	var by *Member
	for i := range p.state.Members {
		m := &p.state.Members[i]
		r := p.ours(*m)
		if r == nil || m.Name == leader || m.Pod.Terminating {
			continue
		}
		if a := r.Action; a != nil && a.Kind == engine.StepStepDown {
			if a.Done {
				return false
			}
			by = m
			break
		}
		if by == nil {
			by = m
		}
	}
	if by == nil {
		return false
	}
	step := asker.AskToHandOver(engine.MemberObservation{Name: by.Name, Ordinal: int(by.Ordinal), Report: p.ours(*by)}, leader)
	step.Why = fmt.Sprintf("%s leads, was made by hand and is replaced last; %s asks it to hand over first", leader, by.Name)
	p.summarize(Summary{Action: engine.StepAdopt, Member: leader, Why: step.Why})
	p.out.Asks = append(p.out.Asks, Ask{Member: by.Name, PodUID: by.Pod.UID, Step: &step})
	return true
}

// begunAdoption is the member whose replacement is in the ledger; nil where none is.
func (p *draft) begunAdoption() *Member {
	for _, name := range p.granted() {
		if p.ledger.Members[name].Replacing != "" {
			return p.state.member(name)
		}
	}
	return nil
}

func (p *draft) waitToAdopt(member, why string) {
	p.guard(Summary{Action: engine.StepAdopt, Member: member, Why: "it was made by hand", BlockedBy: GuardAdoptable, Message: why})
}

// nextToAdopt is the pod that is replaced next: one that is not ready, since that
// costs least, then from the highest ordinal down, and who leads last, as far as
// those that were taken over can tell. Nil where none is left.
func (p *draft) nextToAdopt() *Member {
	leader, _ := p.leaderSeen()
	var next *Member
	rank := func(m *Member) int {
		switch {
		case p.lameOfOurs(*m) || !m.Pod.Ready && m.Name != leader:
			return 0
		case m.Name == leader:
			return 2
		}
		return 1
	}
	for i := range p.state.Members {
		m := &p.state.Members[i]
		_, known := p.ledger.Members[m.Name]
		if !known || m.Pod == nil || !m.Pod.Handmade && !p.lameOfOurs(*m) || m.Pod.Terminating {
			continue
		}
		if next == nil || rank(m) <= rank(next) {
			next = m
		}
	}
	return next
}

// lameOfOurs tells whether a member that was taken over says that it does not serve,
// and its pod has another template than the one that the specification was changed to.
// A silent one is left alone: it may serve. One that can be replaced at no cost is, see
// replace.
func (p *draft) lameOfOurs(m Member) bool {
	r := p.ours(m)
	return r != nil && !r.Server.Serving && !m.Pod.Handmade && m.Pod.Template != p.state.Set.Template && !p.out.replaces(m.Pod.UID)
}

// leaderSeen is who leads, as all say that were taken over and serve; anybody tells
// whether any of them says something.
func (p *draft) leaderSeen() (leader string, anybody bool) {
	for _, m := range p.state.Members {
		r := p.ours(m)
		if r == nil || r.Server.Seen == nil || !r.Server.Serving {
			continue
		}
		of := ""
		for _, q := range r.Server.Seen.Peers {
			if q.Leader {
				of = q.Name
			}
		}
		if anybody && of != leader {
			return "", true
		}
		leader, anybody = of, true
	}
	return leader, anybody
}
