// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// A set that was made by hand is taken over in place: the pods keep their names and
// claims, and nothing is copied. It has four parts, and each goes on after a crash
// from what the ledger and the API server say.
//
//  1. Proposal: nothing is written. The status says what would be done, or names
//     everything that is in the way.
//  2. Once the owner of the StatefulSet and the user have agreed, the ledger says so,
//     with the UIDs of StatefulSet, pods and claims. From then on the set counts as
//     formed, so that nobody is ever let form another, nor join on an empty volume.
//  3. Claims and pods are labelled, the StatefulSet is deleted without its pods, and
//     ours is made in its place, to which the pods then belong.
//  4. The pods are replaced by ours, one at a time: see nextToAdopt. Each server goes
//     on with its own data once it was granted to adopt it.
//
// While that lasts nothing else is planned: nobody joins or leaves, and evictions are
// closed. A changed template is written at once: all pods that are made from then on are
// to have it, and one of ours that does not serve is given it, see lameOfOurs. A word
// that is taken back is heeded until the StatefulSet is deleted; afterwards there is
// nothing to go back to.

// Handmade is a StatefulSet that somebody made by hand, under the name of ours.
type Handmade struct {
	UID string
	// Going is true once it was deleted.
	Going bool
	// Obstacles are what is in the way of taking it over, each with its remedy.
	Obstacles []string
	// Cautions are what may go wrong all the same, for the user to look at first.
	Cautions []string
	// Members are its pods, by ordinal.
	Members []HandmadeMember
}

// HandmadeMember is one of its pods with its claim.
type HandmadeMember struct {
	Name, PodUID, ClaimUID string
}

// Adoption is one that was agreed to and is under way. Whose pods and claims are
// taken over is in the entries of the members.
type Adoption struct {
	// StatefulSet is the UID of the one that was made by hand.
	StatefulSet string `json:"statefulSet"`
}

func (a *Adoption) clone() *Adoption {
	if a == nil {
		return nil
	}
	out := *a
	return &out
}

func (a *Adoption) equal(o *Adoption) bool {
	if a == nil || o == nil {
		return a == o
	}
	return *a == *o
}

// TakeOver is what is done before there is a StatefulSet of ours, in this order.
type TakeOver struct {
	// Claims and Pods get our labels.
	Claims []ClaimRef
	Pods   []PodRef
	// StatefulSet is the UID of the one that is then deleted, without its pods; empty
	// where it is gone.
	StatefulSet string
}

// proposeAdoption decides where there is no ledger yet. Without a StatefulSet to take
// over there is nothing to be done, and no set is formed in its place: its data may
// be on the claims.
func (p *draft) proposeAdoption() {
	h := p.state.Handmade
	if h == nil {
		p.refuseAdoption(fmt.Sprintf("there is no StatefulSet %s that could be adopted, and no ledger that says that one was; "+
			"create the Datastore beside the StatefulSet that runs, or leave spec.adopt out of a new one", p.state.Name))
		p.keepShape()
		return
	}
	if p.mayTakeOver(h) {
		p.ledger = &Ledger{ClusterID: p.state.NewClusterID, Formed: true, Adoption: &Adoption{StatefulSet: h.UID}}
		p.keepAdopted()
		p.listHandmade(h)
		p.takeOver(h)
		p.summarize(Summary{Action: engine.StepAdopt, Why: "the user agreed to the adoption"})
	}
	p.shapeOfAdopted()
}

// mayTakeOver tells whether nothing is in the way and the user agreed; else the
// status says what is missing.
func (p *draft) mayTakeOver(h *Handmade) bool {
	if len(h.Obstacles) > 0 {
		p.refuseAdoption(fmt.Sprintf("StatefulSet %s cannot be adopted yet; nothing of it is changed: %s", p.state.Name, strings.Join(numbered(h.Obstacles), "; ")))
		return false
	}
	word := v1alpha1.Approval{Kind: v1alpha1.ApproveAdopt, Subject: p.state.Name, Token: h.UID}
	if slices.Contains(p.state.Wanted.Approved, word) {
		return true
	}
	text := fmt.Sprintf("StatefulSet %s can be adopted: %s; to agree, set the annotation %s=%s",
		p.state.Name, strings.Join(numbered(p.course()), "; "), v1alpha1.AnnotationApprove, word)
	if w := p.state.Wanted.Unreadable; w != "" {
		text += "; what stands there agrees to nothing: " + w
	}
	p.stall(v1alpha1.ReasonAdoptionPlanned, text)
	p.guard(Summary{Action: engine.StepAdopt, Why: "spec.adopt asks for it", BlockedBy: GuardConsent, Message: text})
	return false
}

// course is what an adoption does, for the user to agree to, and what to look at first.
func (p *draft) course() []string {
	var names []string
	for _, m := range slices.Backward(p.state.Handmade.Members) {
		names = append(names, m.Name)
	}
	return append([]string{
		"its pods and claims are labelled as this Datastore's",
		"it is deleted and one of ours made in its place, while its pods run on",
		fmt.Sprintf("the pods %s are replaced one at a time, who leads last, on their claims; the first of them on the kubelet's word alone that all are ready, "+
			"so look at the set before you agree; each other one once the ones before serve and find all others healthy", strings.Join(names, ", ")),
		"no data is moved, no set is formed, and the names of the members stay as they are",
	}, p.state.Handmade.Cautions...)
}

func numbered(all []string) []string {
	var out []string
	for i, text := range all {
		out = append(out, fmt.Sprintf("(%d) %s", i+1, text))
	}
	return out
}

func (p *draft) refuseAdoption(why string) {
	p.stall(v1alpha1.ReasonAdoptionRefused, why)
	p.guard(Summary{Action: engine.StepAdopt, Why: "spec.adopt asks for it", BlockedBy: GuardAdoptable, Message: why})
}

// listHandmade writes the members into the ledger as they are now, as long as their
// own StatefulSet can still make pods anew. A claim that is another by now is no
// claim of the set that the user agreed to.
func (p *draft) listHandmade(h *Handmade) bool {
	for _, m := range h.Members {
		e, known := p.ledger.Members[m.Name]
		if known && e.ClaimUID != m.ClaimUID {
			return false
		}
		e.Grant, e.PodUID, e.ClaimUID = engine.GrantAdopt, m.PodUID, m.ClaimUID
		p.ledger.set(m.Name, e)
	}
	return true
}

// adoption goes on with one that the ledger has.
func (p *draft) adoption() {
	p.disrupting = true // evictions stay closed
	p.shapeOfAdopted()
	if p.state.Set == nil {
		p.replaceStatefulSet()
		return
	}
	p.out.Shape.WriteTemplate = p.state.Set.Template != p.state.Wanted.Template && p.held() == nil
	p.replace() // ours that cannot start, after the specification was mended
	p.settleAdopted()
	p.grantAdopters()
	if len(p.out.Asks) > 0 {
		return
	}
	p.introduce()
	if why := p.unexpected(); why != "" {
		p.refuseAdoption(why + "; those that were not taken over yet are left as they are")
		return
	}
	if p.adopted() {
		p.ledger.Adoption = nil
		p.summarize(Summary{Action: engine.StepAdopt, Why: "all members were taken over"})
		return
	}
	if why := p.changedSecrets(); why != "" {
		p.refuseAdoption(why + "; no other pod is replaced meanwhile")
		return
	}
	p.adoptNext()
}

// shapeOfAdopted has as many pods as there were, whatever is wanted by now.
func (p *draft) shapeOfAdopted() {
	var size int32
	if p.ledger != nil {
		for name := range p.ledger.Members {
			if n, ok := p.state.layout().Number(name); ok {
				size = max(size, n+1)
			}
		}
	}
	p.out.Shape.Replicas, p.out.Shape.Members = size, size
}

// replaceStatefulSet takes the one that was made by hand away, and has ours made once
// it is gone. As long as nobody has deleted it, what was agreed to is looked at again.
func (p *draft) replaceStatefulSet() {
	h := p.state.Handmade
	if h != nil && !h.Going {
		if h.UID != p.ledger.Adoption.StatefulSet {
			p.refuseAdoption(fmt.Sprintf("StatefulSet %s is another one than the user agreed to; delete it with --cascade=orphan to have the adoption of the one before go on", p.state.Name))
			return
		}
		if !p.mayTakeOver(h) {
			return
		}
		if !p.listHandmade(h) {
			p.refuseAdoption(fmt.Sprintf("a claim of the set is another one than the user agreed to; bring the former one back, "+
				"or delete StatefulSet %s with --cascade=orphan to have the others taken over without it", p.state.Name))
			return
		}
	}
	p.takeOver(h)
	p.summarize(Summary{Action: engine.StepAdopt, Why: "the StatefulSet that was made by hand is replaced, its pods run on"})
}

func (p *draft) takeOver(h *Handmade) {
	t := &TakeOver{}
	for _, name := range p.granted() {
		e := p.ledger.Members[name]
		t.Claims = append(t.Claims, ClaimRef{Member: name, UID: e.ClaimUID})
		t.Pods = append(t.Pods, PodRef{Name: name, UID: e.PodUID})
	}
	if h != nil {
		t.StatefulSet = h.UID
	}
	p.out.TakeOver = t
}
