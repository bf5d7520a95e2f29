// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import "github.com/quorate/quorate/internal/engine"

// usher has a member that was taken over make the way free for the next one, where its
// engine knows how: switch off what the servers do by themselves, or take the lead over.
// It tells whether there is anything to wait for. What any of them has tried holds nobody
// up: the next goes then as its server does. Once a pod's replacement is in the ledger it is
// only completed.
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
	m := p.state.member(s.Member)
	for _, t := range taken {
		switch a := p.ours(t).Action; {
		case a.Busy() && (t.Name == s.Member || a.Kind == s.Kind):
			p.waitToAdopt(next.Name, t.Name+" still carries out "+string(a.Kind))
			return true
		case a != nil && a.Kind == s.Kind:
			return false
		}
	}
	p.summarize(Summary{Action: s.Kind, Member: s.About(), Why: s.Why})
	p.out.Asks = append(p.out.Asks, Ask{Member: m.Name, PodUID: m.Pod.UID, Step: &s})
	return true
}
