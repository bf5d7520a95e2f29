// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

// shape decides size and template of the StatefulSet.
//
// Up: the pods come at once, since each waits at its gate. Down: only past
// ordinals that are nobody's, so the pod of a member goes in a later pass than
// its membership (law 4), and never while the membership cannot be read: an
// ordinal that the ledger does not know may be in it. A StatefulSet that is made
// anew over retained claims gets all members of the ledger, or a quorum might be
// missing.
//
// The template is written when its first replacement may begin, see rollout.
func (p *draft) shape() {
	size := p.beforeDoomed(p.state.Wanted.Replicas)
	for _, m := range p.state.Members {
		if m.Ordinal >= size && p.occupied(m) {
			size = m.Ordinal + 1
		}
	}
	unread := p.ledger.Formed && !p.out.Assessment.Known
	if p.state.Set != nil && (p.out.Stalled != nil || unread) {
		size = max(size, p.state.Set.Replicas)
	}
	p.out.Shape = Shape{Replicas: p.running(size), Members: size, WriteTemplate: p.firstReplacement || p.mayWriteTemplate(), Proven: p.proven(), Restore: p.restore}
	p.out.Pending = p.pending()
}

// occupied tells whether an ordinal may be a member's: the ledger says so, the
// membership cannot be ruled out, or its server may run.
func (p *draft) occupied(m Member) bool {
	if _, known := p.ledger.Members[m.Name]; known {
		return true
	}
	if len(p.out.Assessment.PeersNamed(m.Name)) > 0 || p.unexplained(m) {
		return true
	}
	r := p.state.trusted(m)
	return r != nil && r.Server.Running
}

// replace deletes pods that cannot get on and were made from another template
// than the StatefulSet's: kubernetes does not replace them by itself. It costs
// nothing, so it is not a step.
func (p *draft) replace() {
	for _, m := range p.state.Members {
		if m.Pod != nil && !m.Pod.Terminating && p.outdated(m) && !p.out.asks(m.Name) {
			p.out.Replace = append(p.out.Replace, PodRef{Name: m.Name, UID: m.Pod.UID})
		}
	}
}

// outdated tells whether a member's pod has another template than the
// StatefulSet has, or is about to get, and can be replaced at no cost. Nothing
// is asked of such a pod's agent.
func (p *draft) outdated(m Member) bool {
	set := p.state.Set
	if set == nil || m.Pod == nil {
		return false
	}
	template := set.Template
	if p.mayWriteTemplate() {
		template = p.state.Wanted.Template
	}
	return m.Pod.Template != template && p.state.costless(m) && !p.released(m) && !p.vanishing(m)
}

// released tells whether a server may start at any moment: its gate is open
// and nothing is known to hold it back.
func (p *draft) released(m Member) bool {
	r := p.state.trusted(m)
	return r != nil && r.Released && m.Pod.Stuck == ""
}
