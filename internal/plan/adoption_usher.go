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
	refused := ""
	for _, t := range taken {
		a := p.ours(t).Action
		switch {
		case a == nil:
		case a.Busy() && (t.Name == s.Member || a.Kind == s.Kind):
			p.waitToAdopt(next.Name, t.Name+" still carries out "+string(a.Kind))
			return true
		case a.Kind == s.Kind && mustBeDone(s) && a.Error != "":
			refused = t.Name + " cannot switch off what the servers do by themselves, and no other pod is replaced meanwhile: " + bounded(a.Error)
		case a.Kind == s.Kind:
			return false
		}
	}
	if refused != "" {
		p.stall(v1alpha1.ReasonAdoptionRefused, refused)
	}
	m := p.state.member(s.Member)
	p.summarize(Summary{Action: s.Kind, Member: s.About(), Why: s.Why})
	p.out.Asks = append(p.out.Asks, Ask{Member: m.Name, PodUID: m.Pod.UID, Step: &s})
	return true
}

// mustBeDone tells whether the next pod waits until a step has ended without an error,
// and not only until it was tried.
func mustBeDone(s engine.Step) bool { return s.Kind == engine.StepConfigure }

// bounded is what a server says, as far as there is room for it.
func bounded(text string) string { return strings.ToValidUTF8(text[:min(len(text), mostRefusal)], "") }
