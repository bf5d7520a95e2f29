// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/quorate/quorate/internal/engine"
)

// begunReplacements are the replacements of running servers that the ledger
// knows. A pod that is gone has been replaced, see settleReplacement.
func (p *draft) begunReplacements() []candidate {
	var out []candidate
	for _, name := range p.granted() {
		e, m := p.ledger.Members[name], p.state.member(name)
		if e.Replacing != "" && m != nil && m.Pod != nil && !m.Pod.Terminating {
			out = append(out, candidate{step: p.replacement(*m, "its replacement was begun")})
		}
	}
	return out
}

// rollout is the next replacement of a pod that has another template than the
// wanted one. Progress is read from the pods, so that one that was made anew
// for any other reason counts.
//
// Who is no healthy voter goes first, since that costs least, then from the
// highest ordinal down, and who leads goes last: by then the others may lead
// and it steps down before, see mayLead. The next one waits until all are
// healthy voters again, which the guards see to.
//
// The template is written when the first of them is admitted, and the pod goes
// once the StatefulSet's controller has seen it: else the pod would be made
// anew as it was.
func (p *draft) rollout() []candidate {
	due := p.dueForReplacement()
	if len(due) == 0 {
		return nil
	}
	why := fmt.Sprintf("it has not the wanted template yet, as %d of the members", len(p.outdatedServers()))
	switch {
	case p.vanishing(due[0]):
		why = "its claim is being deleted, and goes with its pod"
	case p.held() == nil && due[0].Pod.Template == p.state.Wanted.Template:
		why = "its server has read other keys than the Secret has, as " + fmt.Sprint(len(p.outdatedServers())) + " of the members"
	case p.held() != nil:
		why = "it did not come up with the changed template, and the one before was put back"
	}
	return []candidate{{step: p.replacement(due[0], why)}}
}

// outdatedServers are the members whose servers run with another template than
// the wanted one, or with other keys than they would read now. Where that one failed
// they are those that failed with it: the others stay as they are until the user has
// decided.
func (p *draft) outdatedServers() []Member {
	if p.state.Set == nil {
		return nil
	}
	held := p.held() != nil
	var out []Member
	for _, m := range p.state.Members {
		if !p.stays(m) || m.Pod == nil || m.Pod.Terminating || p.outdated(m) {
			continue
		}
		failed := m.Pod.Template == p.ledger.Failed && m.Pod.Template != p.state.Set.Template && !p.healthyMember(m.Name)
		if held && failed || !held && (m.Pod.Template != p.state.Wanted.Template || p.dueForKeys(m)) {
			out = append(out, m)
		}
	}
	return out
}

// dueForReplacement are these, and those whose claim is being deleted, in the
// order in which they are replaced.
func (p *draft) dueForReplacement() []Member {
	out := p.outdatedServers()
	for _, m := range p.vanishingServers() {
		if !slices.ContainsFunc(out, func(o Member) bool { return o.Name == m.Name }) {
			out = append(out, m)
		}
	}
	rank := func(m Member) int {
		switch {
		case m.Name == p.out.Assessment.Leader:
			return 2
		case p.healthyVoter(m.Name) != nil:
			return 1
		}
		return 0
	}
	slices.SortFunc(out, func(a, b Member) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), -cmp.Compare(a.Ordinal, b.Ordinal))
	})
	return out
}

// healthyVoter returns the identity by which a member is one, or nil.
func (p *draft) healthyVoter(name string) *engine.Peer {
	for _, q := range p.out.Assessment.PeersNamed(name) {
		if q.Voter && q.Healthy {
			return &q
		}
	}
	return nil
}

// healthyMember tells whether a member is what it shall be, with a vote or without,
// and healthy.
func (p *draft) healthyMember(name string) bool {
	return slices.ContainsFunc(p.out.Assessment.PeersNamed(name), func(q engine.Peer) bool { return q.Full() && q.Healthy })
}

// replacement is the step that replaces a member's pod.
func (p *draft) replacement(m Member, why string) engine.Step {
	s := engine.Step{Kind: engine.StepReplacePod, Member: m.Name, Why: m.Name + ": " + why}
	if q := p.healthyVoter(m.Name); q != nil {
		s.SubjectID, s.Cost.Voters = q.ID, 1
	}
	return s
}

// admitReplacement has the template written first, and then the pod deleted,
// once that is in the ledger.
func (p *draft) admitReplacement(s engine.Step) {
	m, e := p.state.member(s.Member), p.ledger.Members[s.Member]
	begun := e.Replacing == m.Pod.UID
	switch set := p.state.Set; {
	case set == nil:
		return
	case !begun && set.Template != p.state.Wanted.Template && p.held() == nil:
		p.firstReplacement = true
		return
	case !begun && p.hasOtherKeys(*m) && p.elderInit() && p.held() == nil:
		p.firstReplacement = true // an older one may not know how the keys are written
		return
	case !set.Settled:
		return
	}
	e.Replacing = m.Pod.UID
	p.ledger.set(m.Name, e)
	p.out.Replace = append(p.out.Replace, PodRef{Name: m.Name, UID: m.Pod.UID})
}

// settleReplacement forgets a replacement once the pod is gone.
func (p *draft) settleReplacement(name string, e Entry) Entry {
	m := p.state.member(name)
	if e.Replacing != "" && (m == nil || m.Pod == nil || m.Pod.UID != e.Replacing) {
		e.Replacing = ""
	}
	return e
}

// mayLead are the members that may lead now: where only the leader is still to be
// replaced, the others, and else the one that the user wishes,
// until that wish was fulfilled once. Empty where any may.
func (p *draft) mayLead() []string {
	leader := p.out.Assessment.Leader
	if p.podsInHand() {
		return nil // a pod that goes still answers, and must not be given the lead
	}
	if p.state.Wanted.Stopped {
		if first := p.firstRunning(); first != "" {
			return []string{first}
		}
		return nil
	}
	if due := p.dueForReplacement(); len(due) == 1 && due[0].Name == leader {
		var others []string
		for _, m := range p.state.Members {
			if m.Name != leader && p.stays(m) && p.healthyVoter(m.Name) != nil {
				others = append(others, m.Name)
			}
		}
		return others
	}
	if wish := p.state.member(p.state.Wanted.Lead); wish != nil && p.ledger.Lead != wish.Name && p.stays(*wish) && p.healthyVoter(wish.Name) != nil {
		return []string{wish.Name}
	}
	return nil
}

// burnedIn tells whether every wanted member has run with the wanted template for
// a while, and none of another one is left.
func (p *draft) burnedIn() bool {
	if p.state.Set == nil || p.state.Wanted.Refused != nil || p.state.Wanted.Stopped || p.state.Set.Template != p.state.Wanted.Template {
		return false
	}
	for i, m := range p.state.Members {
		wanted := int32(i) < p.state.Wanted.Replicas
		if wanted && (m.Pod == nil || m.Pod.Terminating || !m.Pod.BurnedIn || m.Pod.Template != p.state.Wanted.Template) || !wanted && m.Pod != nil {
			return false
		}
	}
	return true
}

// podsInHand tells whether the pod of any member is being deleted or is missing.
func (p *draft) podsInHand() bool {
	return slices.ContainsFunc(p.granted(), func(name string) bool {
		m := p.state.member(name)
		return m == nil || m.Pod == nil || m.Pod.Terminating
	})
}

// stays tells whether a member was let in and is not to leave.
func (p *draft) stays(m Member) bool {
	e, known := p.ledger.Members[m.Name]
	return known && !e.Leaving && m.Ordinal < p.state.Wanted.Replicas
}

// settleLead notes that the wish for a leader was fulfilled, or taken back.
func (p *draft) settleLead() {
	switch wish := p.state.Wanted.Lead; {
	case wish == "":
		p.ledger.Lead = ""
	case p.out.Assessment.Known && p.out.Assessment.Leader == wish:
		p.ledger.Lead = wish
	}
}

// reloads give each running server the files that it takes up without a
// restart, where it is known to have others. One that has just started cannot
// tell yet. They come last, so that one that is refused holds nothing else up.
func (p *draft) reloads() []candidate {
	want := engine.SettingsHash(p.state.Wanted.Files)
	if want == "" || !p.out.Assessment.Usable {
		return nil
	}
	var out []candidate
	for _, m := range p.state.Members {
		r := p.state.trusted(m)
		_, known := p.ledger.Members[m.Name]
		if known && r != nil && r.Volume == engine.VolumeMember && r.Server.Serving && r.Server.Settings != "" && r.Server.Settings != want {
			out = append(out, candidate{step: engine.Step{
				Kind: engine.StepReload, Member: m.Name, Params: p.state.Wanted.Files, Why: m.Name + " has not the wanted settings yet",
			}})
		}
	}
	return out
}
