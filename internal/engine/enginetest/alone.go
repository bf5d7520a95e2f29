// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

// What is here is law 10: the servers' life never depends on a manager. Whatever a manager
// was about when it went, and whoever was restarted then and afterwards, the set serves as
// soon as a quorum of it can. A manager that is away for good is the hardest case.

// leaveAlone takes the manager away, with all that it has in hand, and all faults, and
// then every pod, so that each gate is decided on again. Pods that end are made again,
// agents open their gates, and servers do what they do by themselves. A pod whose claim
// would go with it stays: what is lost by that is nobody's to bring back.
func (w *World) leaveAlone() {
	w.heal()
	w.manager, w.old = manager{}, nil
	for i := range w.members {
		if m := &w.members[i]; m.pod != 0 && !m.claimDying {
			w.deletePod(i)
		}
	}
}

// settlesAlone lets the world come to rest without a manager, and is false where that
// breaks a law.
func (w *World) settlesAlone() bool {
	w.leaveAlone()
	for range mostTurns {
		if !w.turnAlone() {
			w.checkAlone()
			return w.broken == ""
		}
		if w.checkWorld(); w.broken != "" {
			return false
		}
	}
	w.violate("liveness: the world does not come to rest without a manager")
	return false
}

// turnAlone makes the next thing happen that is due without a manager; false where
// nothing is.
func (w *World) turnAlone() bool {
	var room [32]Action
	own := w.progress(room[:0])
	if len(own) > 0 {
		w.apply(own[0], nil)
	}
	return len(own) > 0
}

// checkAlone asserts, once nothing more happens without a manager, that every member's
// server runs that can, and that the set serves if these are a quorum of it.
//
// A set that has not formed yet is not meant, nor one that has no users yet: it is the
// manager that makes it one. Nor one that is being recovered, or that the user has
// stopped, as far as its pods are gone.
func (w *World) checkAlone() {
	t := w.model.Truth()
	used := t.Usable || w.ledger != nil && w.ledger.ledger.Bootstrapped
	if t.Formations == 0 || !used {
		return
	}
	voters, able := 0, 0
	for _, p := range t.Peers {
		can := p.Data && w.canLive(p.Member)
		if can && !w.model.Running(p.Member) {
			w.violate("law 10: %s has its volume, and is to have a pod, and its server does not start without a manager", Name(p.Member))
		}
		if !p.Voter {
			continue
		}
		voters++
		if can {
			able++
		}
	}
	if able >= w.sc.Engine.Traits().Quorum(voters) && !t.Serving {
		w.violate("law 10: %d of %d voters have their volumes and are to have pods, and the set does not serve without a manager", able, voters)
	}
}

// canLive tells whether a member is to have a pod whose server can run on a volume that
// was granted to it, and that it has not left with. No pod begins to run on a claim that
// is being deleted.
func (w *World) canLive(i int) bool {
	m := &w.members[i]
	v := m.volume
	return (m.pod != 0 || w.set.wants(i)) && m.claim != 0 && (m.booted || !m.claimDying) && !m.stranded && m.template <= TemplateOther &&
		v.marked && !v.foreign && !v.leaving && v.recovery == v.recovered
}
