// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

// actions lists all that may happen next within the bounds, and the pass that
// would begin now.
func (w *World) actions(out []Action) ([]Action, *pass) {
	out = out[:0]
	var p *pass
	if w.manager.held == nil {
		p = w.look()
		w.checkDecision(p)
	}
	out = w.progress(out)
	own := len(out)
	out = w.passes(p, out)
	if w.sc.Detours != AllOrders {
		out = w.inTurn(out, own)
	}
	return w.faults(out), p
}

// inTurn lets the first thing happen that happens by itself, or a pass where
// there is no such thing, and anything else only as a detour.
func (w *World) inTurn(out []Action, own int) []Action {
	if own == 0 {
		return out
	}
	if w.devs <= 0 {
		return out[:1]
	}
	for i := 1; i < len(out); i++ {
		out[i].Detour = true
	}
	return out
}

// after returns the world after an action. P is the pass that begins now, if
// the caller has it at hand.
func (w *World) after(a Action, p *pass) *World {
	n := w.clone()
	if a.Detour {
		n.devs--
	}
	n.apply(a, p)
	n.checkWorld()
	return n
}

func (w *World) apply(a Action, p *pass) {
	i := int(a.Member)
	for _, r := range ownRules {
		if r.kind == a.Kind {
			r.do(w, i)
			return
		}
	}
	switch {
	case a.Kind == actMove:
		if a.Move.Adverse {
			w.left[Adverse]--
		}
		w.model.Move(a.Move)
	case a.Kind <= actTakeover:
		w.applyPass(a, p)
	default:
		w.applyFault(a)
	}
}

func (w *World) applyPass(a Action, p *pass) {
	switch a.Kind {
	case actPass, actPassCrash, actPassLinger:
		if p == nil {
			p = w.look()
		}
		w.beginPass(a, p.copy())
	case actResume:
		p = w.manager.held.copy()
		w.manager.held = nil
		w.run(p, len(p.effects), true)
	case actResumeOld:
		p = w.old.copy()
		w.old = nil
		w.run(p, len(p.effects), false)
	case actCrashHeld:
		w.left[Crash]--
		w.manager = manager{}
	case actTakeover:
		w.left[Takeover]--
		w.old = w.manager.held
		w.manager = manager{}
	}
}

// beginPass begins a pass, which ends, or lingers, or the manager with it.
func (w *World) beginPass(a Action, p *pass) {
	switch a.Kind {
	case actPassCrash:
		w.left[Crash]--
		w.run(p, int(a.Member), true)
		w.manager = manager{}
	case actPassLinger:
		w.left[Linger]--
		if w.run(p.seal(), int(a.Member), true) {
			w.manager.held = p
		}
	default:
		w.run(p, len(p.effects), true)
	}
}

func (w *World) applyFault(a Action) {
	i := int(a.Member)
	for _, r := range memberRules {
		if r.kind == a.Kind {
			w.left[r.fault]--
			r.do(w, i)
			return
		}
	}
	switch a.Kind {
	case actNodeBack:
		w.members[i].stranded = false
	case actHear:
		w.members[i].silent = false
	case actKeepUp:
		w.members[i].slow = false
	case actGarble:
		w.left[Garble]--
		w.members[i].garbled = garble(a.Arg)
	case actClear:
		w.members[i].garbled = garbleNone
	case actCurrent:
		w.stale = nil
	case actChange:
		w.left[Change]--
		w.wanted = w.sc.Changes[a.Arg]
	}
}

// takeStale has the manager go on with the report that a member gives now.
func (w *World) takeStale(i int) {
	r := w.sc.memory.one(i, w.report(i))
	w.stale = &staleReport{member: i, pod: w.members[i].pod, report: r, key: reportKey(i, r)}
}
