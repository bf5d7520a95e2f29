// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"

	"github.com/quorate/quorate/api/v1alpha1"
)

// mayWriteTemplate tells whether the wanted template can be written at no cost:
// no pod has a server that could be lost, or a pod is stuck on the one that
// there is and is the first to be replaced. Where a change was taken back before
// anybody was replaced for it, every pod has the wanted template already, and
// the next pod must not be made from the other.
func (p *draft) mayWriteTemplate() bool {
	if p.state.Set == nil {
		return true
	}
	if p.state.Set.Template == p.state.Wanted.Template || p.held() != nil {
		return false
	}
	costless, takenBack, stuck := true, true, false
	for _, m := range p.state.Members {
		if m.Pod == nil {
			continue
		}
		costless = costless && p.state.costless(m)
		takenBack = takenBack && m.Pod.Template == p.state.Wanted.Template
		stuck = stuck || m.Pod.Stuck != "" && p.state.costless(m)
	}
	return costless || takenBack || stuck
}

// held says why the wanted template is not rolled out; nil where it is. One
// that is refused, or that failed, waits for the user.
func (p *draft) held() *Finding {
	w := p.state.Wanted
	switch {
	case w.Refused != nil:
		return w.Refused
	case p.ledger.Failed != "" && p.ledger.Failed == w.Template:
		return &Finding{Reason: v1alpha1.ReasonRolloutFailed, Message: fmt.Sprintf(
			"a member did not come up with the changed template, so the one before was put back: %s; correct the specification, or put the former one back", p.ledger.FailedWhy)}
	}
	return nil
}

// putBack gives a template up of which a pod failed, and restores the one that
// a healthy member runs with. It is written down first, so that nobody tries
// again; the failed pod is then replaced like any other that is stuck. Where
// every healthy member has the new template, it is not the template that is
// wrong.
func (p *draft) putBack() {
	set := p.state.Set
	if p.ledger.Failed != "" && p.ledger.Failed != p.state.Wanted.Template {
		p.ledger.Failed, p.ledger.FailedWhy = "", ""
	}
	if set == nil || set.Template != p.state.Wanted.Template || p.state.Wanted.Refused != nil {
		return
	}
	failed := p.failedOn(set.Template)
	switch {
	case failed != nil && p.healthyOnAnother(set.Template):
		p.ledger.Failed, p.ledger.FailedWhy = set.Template, failed.Name+": "+failed.Pod.Failed
		p.restore = true
	case p.ledger.Failed != "" && failed == nil:
		p.ledger.Failed, p.ledger.FailedWhy = "", "" // it came up after all
	}
}

// failedOn returns a member whose pod has a template and is given up: its server
// cannot start, or runs, as its agent says, and gets nowhere although it had its
// vote. Nothing is given up for being silent, nor where the set itself has no leader.
func (p *draft) failedOn(template string) *Member {
	for i := range p.state.Members {
		m := &p.state.Members[i]
		if m.Pod == nil || m.Pod.Terminating || m.Pod.Template != template || m.Pod.Failed == "" || p.lacksVolume(*m) {
			continue
		}
		e := p.ledger.Members[m.Name]
		lame := p.out.Assessment.Known && e.Joined && !e.Leaving && p.state.trusted(*m) != nil && !p.healthyMember(m.Name)
		if p.state.costless(*m) || lame {
			return m
		}
	}
	return nil
}

// healthyOnAnother tells whether a healthy voter's pod has another template.
func (p *draft) healthyOnAnother(template string) bool {
	return slices.ContainsFunc(p.state.Members, func(m Member) bool {
		return m.Pod != nil && !m.Pod.Terminating && m.Pod.Template != template && p.healthyMember(m.Name)
	})
}

// proven tells whether every member runs with the StatefulSet's template and is
// a healthy voter.
func (p *draft) proven() bool {
	if p.state.Set == nil || !p.out.Assessment.Known || len(p.ledger.Members) == 0 {
		return false
	}
	for name := range p.ledger.Members {
		m := p.state.member(name)
		if m == nil || m.Pod == nil || m.Pod.Terminating || m.Pod.Template != p.state.Set.Template || !p.healthyMember(name) {
			return false
		}
	}
	return true
}

// pending says how far the rollout is, or why it waits; nil where every pod has
// the wanted template, and every server the keys of the Secret.
func (p *draft) pending() *Finding {
	var old, keys, all int
	for _, m := range p.state.Members {
		if m.Pod == nil {
			continue
		}
		all++
		if m.Pod.Template != p.state.Wanted.Template {
			old++
		}
		if p.stays(m) && p.hasOtherKeys(m) {
			keys++
		}
	}
	if old == 0 && keys == 0 {
		return nil
	}
	held := p.held()
	if held == nil {
		held = p.needsDowntime()
	}
	if held != nil {
		p.stall(held.Reason, held.Message)
		return held
	}
	if old == 0 {
		return &Finding{Reason: v1alpha1.ReasonRotatingKey, Message: fmt.Sprintf("%d of %d servers have read the keys that the Secret has", all-keys, all)}
	}
	return &Finding{Reason: v1alpha1.ReasonRollingOut, Message: fmt.Sprintf("%d of %d members have the changed template", all-old, all)}
}

// needsDowntime says that the rollout waits for the user to allow for the set
// to be without service, which one of one or two members cannot do without.
func (p *draft) needsDowntime() *Finding {
	voters, _ := p.out.Assessment.Voters()
	if !p.out.Assessment.Known || voters > 2 || p.state.Wanted.Replicas > 2 || p.state.Wanted.AllowDowntime || len(p.outdatedServers()) == 0 {
		return nil
	}
	return &Finding{Reason: v1alpha1.ReasonDowntimeRefused, Message: fmt.Sprintf(
		"a set of %d cannot have a member restarted without being without service; set spec.disruption to AllowDowntime, or spec.replicas to 3 or more", voters)}
}
