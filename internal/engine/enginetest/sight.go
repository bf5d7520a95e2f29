// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"hash/maphash"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// view is all of a world that a manager sees in a pass. What it decides on is made of
// that alone, see state.
type view struct {
	wanted  Wanted
	ledger  string
	epoch   int8
	set     kubeSet
	budget  kubeBudget
	secret  secret
	members [MaxMembers]sight
}

// sight is what is seen of a member.
type sight struct {
	pod, claim                        uint8
	template                          Template
	started, dying, released, serving bool
	claimDying, stranded              bool
	report                            *engine.Report
}

// look at all that can be seen, and whether all of it is true. Asked anew, the agents
// say what is so now, or garble it; what the manager had from before may be stale.
func (w *World) view(anew bool) (view, bool) {
	v := view{wanted: w.wanted, ledger: w.ledger.text(), epoch: w.manager.epoch, set: w.set, budget: w.budget, secret: w.secret}
	fresh := anew || w.stale == nil
	reports := w.sc.memory.reportsOf(w)
	for i := range w.members {
		m := &w.members[i]
		fresh = fresh && m.garbled == garbleNone
		s := sight{
			pod: m.pod, claim: m.claim, template: m.template, started: m.started, dying: m.dying, released: m.released,
			claimDying: m.claimDying, stranded: m.stranded,
		}
		if m.pod != 0 {
			s.report, s.serving = reports(i)
		}
		if !anew && w.stale != nil && w.stale.member == i && w.stale.pod == m.pod {
			s.report = w.stale.report
		}
		v.members[i] = s
	}
	return v, fresh
}

// memory is what was said and decided before in a walk. Worlds differ in much that no
// manager sees, so that most of what it sees was seen before: it is not written out
// and not decided on again. It holds what was met last, since that is met again.
type memory struct {
	reports   recent[saying, said]
	texts     recent[string, *engine.Report]
	decisions recent[view, plan.Decision]
	buf       []byte
}

// saying is what an agent's report is made of: its member, and all servers.
type saying struct {
	i       int
	member  member
	servers uint64
}

// said is a report, of which there is one for each text, and whether the server
// serves, which the kubelet says of silent ones too.
type said struct {
	report  *engine.Report
	serving bool
}

// reportsOf returns what says what each member's agent says. Without a memory it is
// asked each time.
func (m *memory) reportsOf(w *World) func(i int) (*engine.Report, bool) {
	if m == nil {
		return func(i int) (*engine.Report, bool) { return w.report(i), w.model.Observe(i).Serving }
	}
	m.buf = w.model.Key(m.buf[:0])
	servers := maphash.Bytes(seed, m.buf)
	return func(i int) (*engine.Report, bool) {
		s := m.reports.of(saying{i, w.members[i], servers}, func() said {
			return said{m.one(i, w.report(i)), w.model.Observe(i).Serving}
		})
		return s.report, s.serving
	}
}

// one returns the report of the same text that was made before, if there is one.
func (m *memory) one(i int, r *engine.Report) *engine.Report {
	if m == nil || r == nil {
		return r
	}
	return m.texts.of(reportKey(i, r), func() *engine.Report { return r })
}

// decisionOn is what is decided on a view, by who was asked first.
func (m *memory) decisionOn(v view, decide func() plan.Decision) plan.Decision {
	if m == nil {
		return decide()
	}
	return m.decisions.of(v, decide)
}

// mostRecent bounds what a memory holds.
const mostRecent = 1 << 14

// recent is a map that forgets what was not asked for while it was filled anew.
type recent[K comparable, V any] struct{ now, before map[K]V }

// of returns the value of a key, and makes it where it is not known.
func (r *recent[K, V]) of(key K, make func() V) V {
	v, known := r.now[key]
	if known {
		return v
	}
	if v, known = r.before[key]; !known {
		v = make()
	}
	if len(r.now) >= mostRecent || r.now == nil {
		r.now, r.before = map[K]V{}, r.now
	}
	r.now[key] = v
	return v
}
