// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"

	"github.com/quorate/quorate/api/v1alpha1"
)

// shape decides size and template of the StatefulSet.
//
// Up: the pods come at once, since each waits at its gate. Down: only past
// ordinals that are nobody's, so the pod of a member goes in a later pass than
// its membership (law 4). A StatefulSet that is made anew over retained claims
// gets all members of the ledger, or a quorum might be missing.
//
// The template is written where that takes no server away: no pod has one that
// could be lost, or a pod is stuck on the template and is the first to be
// replaced. A change that needs a running server replaced waits.
func (p *draft) shape() {
	size := p.state.Wanted.Replicas
	for _, m := range p.state.Members {
		if m.Ordinal >= size && p.occupied(m) {
			size = m.Ordinal + 1
		}
	}
	if p.state.Set != nil && p.out.Stalled != nil {
		size = max(size, p.state.Set.Replicas)
	}
	p.out.Shape = Shape{Replicas: size, WriteTemplate: p.mayWriteTemplate()}
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

func (p *draft) mayWriteTemplate() bool {
	if p.state.Set == nil {
		return true
	}
	if p.state.Set.Template == p.state.Wanted.Template {
		return false
	}
	costless, stuck := true, false
	for _, m := range p.state.Members {
		if m.Pod == nil {
			continue
		}
		costless = costless && p.state.costless(m)
		stuck = stuck || m.Pod.Stuck != "" && p.state.costless(m)
	}
	return costless || stuck
}

// pending names the pods that run another template than the wanted one.
func (p *draft) pending() *Finding {
	var old int
	for _, m := range p.state.Members {
		if m.Pod != nil && m.Pod.Template != p.state.Wanted.Template {
			old++
		}
	}
	if old == 0 {
		return nil
	}
	return &Finding{
		Reason: v1alpha1.ReasonRolloutPending,
		Message: fmt.Sprintf("%d of the members still run with the previous template; replacing running servers is not supported by this version, "+
			"so the change waits until their pods are made anew", old),
	}
}

// replace deletes pods that cannot get on and were made from another template
// than the StatefulSet's: kubernetes does not replace them by itself. It costs
// nothing, so it is not a step.
func (p *draft) replace() {
	for _, m := range p.state.Members {
		if m.Pod != nil && !m.Pod.Terminating && p.outdated(m) {
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
	return m.Pod.Template != template && p.state.costless(m) && !p.released(m)
}

// released tells whether a server may start at any moment: its gate is open
// and nothing is known to hold it back.
func (p *draft) released(m Member) bool {
	r := p.state.trusted(m)
	return r != nil && r.Released && m.Pod.Stuck == ""
}
