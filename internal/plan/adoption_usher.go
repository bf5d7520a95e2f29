// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// usher has a member that was taken over make the way free for the next one, where its
// engine knows how: switch off what the servers do by themselves, or take the lead over.
// It tells whether there is anything to wait for. A lead that nobody takes over holds
// nobody up once it was tried: the next goes then as its server does. What the servers do
// by themselves might cost a member while the next one is away (law 2), so that a try that
// failed is told, and made again. Once a pod's replacement is in the ledger it is only
// completed.
func (p *draft) usher(next Member) bool {
	u, can := p.engine.(engine.Usher)
	if !can || p.ledger.Members[next.Name].Replacing != "" {
		return false
	}
	var taken []Member
	for _, m := range p.state.Members {
		if r := p.ours(m); r != nil && r.Server.Serving && m.Name != next.Name {
			taken = append(taken, m)
		}
	}
	s, wanted := u.Usher(next.Name, p.observed(taken))
	if !wanted {
		return false
	}
	busy, over, refused := p.tried(s, taken)
	switch {
	case busy == "" && over:
		return false
	case refused != "" && !over:
		p.stall(v1alpha1.ReasonAdoptionRefused, refused)
	}
	if busy != "" {
		p.waitToAdopt(next.Name, busy)
		return true
	}
	m := p.state.member(s.Member)
	p.summarize(Summary{Action: s.Kind, Member: s.About(), Why: s.Why})
	p.out.Asks = append(p.out.Asks, Ask{Member: m.Name, PodUID: m.Pod.UID, Step: &s})
	return true
}

// tried is what has come of such a step so far: who is busy with it, or with something
// else and has to do it; whether it is over; and how it was refused last, where that
// matters.
func (p *draft) tried(s engine.Step, taken []Member) (busy string, over bool, refused string) {
	for _, t := range taken {
		a := p.ours(t).Action
		if why := a.Refusal(s.Kind); why != "" && mustBeDone(s) {
			refused = t.Name + " cannot switch off what the servers do by themselves, and no other pod is replaced meanwhile: " + bounded(why)
		}
		switch {
		case a.Busy() && (t.Name == s.Member || a.Kind == s.Kind):
			busy = t.Name + " still carries out " + string(a.Kind)
		case a != nil && a.Kind == s.Kind && !a.Busy():
			over = over || a.Error == "" || !mustBeDone(s)
		}
	}
	return busy, over, refused
}

// mustBeDone tells whether the next pod waits until a step has ended without an error,
// and not only until it was tried.
func mustBeDone(s engine.Step) bool { return s.Kind == engine.StepConfigure }

// bounded is what a server says, as far as there is room for it.
func bounded(text string) string { return strings.ToValidUTF8(text[:min(len(text), mostRefusal)], "") }
