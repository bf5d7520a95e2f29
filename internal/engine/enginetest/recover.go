// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// beginRecovery is the agent being told of a recovery: its server does not start
// again before its data was prepared.
func (w *World) beginRecovery(i int, s engine.Step) bool {
	v := &w.members[i].volume
	if _, ok := w.model.(Recoverer); !ok || !v.marked || v.leaving {
		return false
	}
	if len(s.Params) == 0 {
		if int(v.recovery) == s.Recovery {
			v.recovered, w.members[i].released = v.recovery, true
		}
		return true
	}
	if int(v.recovery) >= s.Recovery {
		return true
	}
	text, err := json.Marshal(s.Params)
	if err != nil {
		panic("parameters are always valid JSON: " + err.Error())
	}
	w.checkRecovery(i, s)
	v.recovery, v.params = int8(s.Recovery), string(text)
	w.members[i].released = false
	return true
}

func (v volumeState) recoverParams() map[string]string {
	var out map[string]string
	if err := json.Unmarshal([]byte(v.params), &out); err != nil {
		panic("parameters are always valid JSON: " + err.Error())
	}
	return out
}

// canPrepare tells whether the agent may prepare the data: no server runs on it.
func (w *World) canPrepare(i int) bool {
	m := &w.members[i]
	return m.booted && m.volume.recovery > m.volume.recovered && !m.volume.leaving && !w.model.Running(i) && w.model.HasData(i)
}

// prepare prepares the data, and opens the gate.
func (w *World) prepare(i int) {
	m := &w.members[i]
	before := w.model.Truth()
	w.checkSurvivors(i, before, w.model.(Recoverer).Recover(i, m.volume.recoverParams()))
	m.volume.recovered = m.volume.recovery
	m.released = true
}

// checkRecovery asserts, as an agent is told, that the user agreed and that the
// ledger has it, and that no quorum can be had any more.
func (w *World) checkRecovery(i int, s engine.Step) {
	l := w.ledger.get()
	if l == nil || l.Recoveries < s.Recovery || l.Recoveries == s.Recovery && l.Recovery != nil && !l.Recovery.Told {
		w.violate("ledger before recovery: %s is told of one that the ledger does not have", Name(i))
		return
	}
	if l.Recovery == nil {
		return // a manager that was replaced tells it of one that was given up since
	}
	if slices.ContainsFunc(w.members[:], func(m member) bool { return int(m.volume.recovery) == s.Recovery }) {
		return // others may have gone on from it already
	}
	if t := w.model.Truth(); !w.beyondRepair(t) {
		w.violate("law 5: %s is told of a recovery while a quorum can still be had", Name(i))
	}
}

// checkConsent asserts that no recovery is begun without the user's word.
func (w *World) checkConsent(p *pass) {
	before, after := p.base.get(), p.decision.Ledger
	if after != nil && after.Recovery != nil && (before == nil || before.Recovery == nil) && !p.wanted.Recover {
		w.violate("law 5: a recovery is begun that the user did not agree to")
	}
}

// checkRestart asserts that a recovery replaces the pods of no running servers
// but of those that were told of it.
func (w *World) checkRestart(p *pass) {
	for _, r := range p.decision.Replace {
		i := Ordinal(r.Name)
		m := &w.members[i]
		if w.model.Running(i) && podUID(i, m.pod) == r.UID && m.volume.recovery <= m.volume.recovered {
			w.violate("law 5: the pod of the running server %s is replaced, which was not told of a recovery", r.Name)
		}
	}
}

// checkSurvivors asserts, as data is prepared, that nobody else has data with
// which the old set could go on (law 1).
func (w *World) checkSurvivors(i int, t Truth, survivors []int) {
	in := map[int]bool{}
	for _, j := range survivors {
		in[j] = true
	}
	if !in[i] {
		w.violate("law 1: %s is recovered, and is no survivor", Name(i))
	}
	voters, others := 0, 0
	for _, p := range t.Peers {
		if !p.Voter {
			continue
		}
		voters++
		if p.Data && !in[p.Member] {
			others++
		}
	}
	if others >= w.sc.Engine.Traits().Quorum(voters) {
		w.violate("law 1: the set is recovered without %d of %d voters that have their data", others, voters)
	}
}

// approvals are what the user agreed to: whichever recovery is asked for.
func (sc *Scenario) approvals(wanted Wanted, l *record) []v1alpha1.Approval {
	if !wanted.Recover || l == nil {
		return nil
	}
	var out []v1alpha1.Approval
	for i := range sc.Members {
		for n := range l.ledger.Recoveries + 2 {
			out = append(out, v1alpha1.Approval{Kind: v1alpha1.ApproveRecover, Subject: Name(i), Token: strconv.Itoa(n)})
		}
	}
	return out
}
