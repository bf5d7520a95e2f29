// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/quorate/quorate/internal/engine"
)

// describe tells a world in one line, for the way to a breach.
func (w *World) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "want %d/%s set %d/%s ledger %s", w.wanted.Replicas, w.wanted.Template, w.set.replicas, w.set.template, w.ledger.text())
	for i := 1; i < w.set.width(); i++ {
		fmt.Fprintf(&b, " set %d/%s", w.set.part(i).replicas, w.set.part(i).template)
	}
	for i := range w.members[:w.sc.Members] {
		m := &w.members[i]
		if m.pod == 0 && m.claim == 0 {
			continue
		}
		fmt.Fprintf(&b, " | %d: %s", i, w.describeMember(i))
	}
	w.describeKeys(&b)
	t := w.model.Truth()
	fmt.Fprintf(&b, " | sets %d serving %v", t.Formations, t.Serving)
	for _, p := range t.Peers {
		fmt.Fprintf(&b, " %s%s", p.ID, marks(p.Voter, "v", p.Healthy, "h", p.Data, "d"))
	}
	if w.manager.held != nil {
		fmt.Fprintf(&b, " | pass halts before effect %d of %v", w.manager.held.next, w.manager.held.effects)
	}
	if w.old != nil {
		fmt.Fprintf(&b, " | old pass before effect %d of %v", w.old.next, w.old.effects)
	}
	if w.stale != nil {
		fmt.Fprintf(&b, " | stale report of %d", w.stale.member)
	}
	return b.String()
}

func (w *World) describeMember(i int) string {
	m := &w.members[i]
	return fmt.Sprintf("p%d c%d%s%s", m.pod, m.claim,
		marks(m.booted, "b", m.released, "r", m.started, "s", m.dying, "D", m.claimDying, "C", m.leaving, "l", m.silent, "?", w.model.Running(i), "R"),
		marks(m.volume.form, "F", m.volume.marked, "M", m.volume.leaving, "L", m.volume.formed, "f"))
}

func marks(pairs ...any) string {
	out := ""
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].(bool) {
			out += pairs[i+1].(string)
		}
	}
	if out == "" {
		return ""
	}
	return "(" + out + ")"
}

func (p *pass) describe() string {
	if p == nil {
		return "none"
	}
	s := summary(p.decision) + fmt.Sprintf(" ledger %s set %d", newRecord(p.decision.Ledger).text(), p.decision.Shape.Replicas)
	for _, a := range p.decision.Asks {
		s += fmt.Sprintf(" ask %s %s", a.Member, askName(a))
	}
	return s
}

func reportKey(i int, r *engine.Report) string {
	b, err := json.Marshal(r)
	if err != nil {
		panic("a report is always valid JSON: " + err.Error())
	}
	return Name(i) + string(b)
}
