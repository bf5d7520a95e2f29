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
// to have it, and one of ours that does not serve is given it, see lameOfOurs. A word that is taken back is heeded until the
// StatefulSet is deleted; afterwards there is nothing to go back to.

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
		p.ledger = &Ledger{ClusterID: p.state.NewClusterID, Formed: true, ClaimTemplate: p.state.Wanted.ClaimTemplate, Adoption: &Adoption{StatefulSet: h.UID}}
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
	p.ledger.ClaimTemplate = orElse(p.ledger.ClaimTemplate, p.state.Wanted.ClaimTemplate)
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
	if why := p.unexpected(); why != "" {
		p.refuseAdoption(why + "; those that were not taken over yet are left as they are")
		return
	}
	if p.adopted() {
		p.ledger.Adoption = nil
		p.summarize(Summary{Action: engine.StepAdopt, Why: "all members were taken over"})
		return
	}
	p.adoptNext()
}

// shapeOfAdopted has as many pods as there were, whatever is wanted by now.
func (p *draft) shapeOfAdopted() {
	var size int32
	if p.ledger != nil {
		for name := range p.ledger.Members {
			size = max(size, int32(engine.OrdinalOf(name))+1)
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

// unmarked tells whether a volume holds data and no marker.
func (p *draft) unmarked(m Member) bool {
	return m.Report != nil && m.Report.Volume == engine.VolumeUnmarked
}

// mayAdopt tells whether a member may go on with data that bears no marker: its
// claim is the one that the user agreed to. A volume that lost its marker later is
// somebody else's until a person has looked at it.
func (p *draft) mayAdopt(m Member) bool {
	e := p.ledger.Members[m.Name]
	return p.ledger.Adoption != nil && e.Grant == engine.GrantAdopt && m.Claim != nil && e.ClaimUID == m.Claim.UID
}

// settleAdopted takes the set's identity from the first that was taken over. Others
// with another one are not of the set, see trusted.
func (p *draft) settleAdopted() {
	for _, m := range p.state.Members {
		if r := p.ours(m); r != nil && r.Server.Formed && p.ledger.SetID == "" {
			p.ledger.SetID = r.Server.Set
		}
	}
}

// grantAdopters lets servers go on with their data that wait for it. It costs
// nothing: each runs again where it was.
func (p *draft) grantAdopters() {
	for _, m := range p.state.Members {
		if !settledPod(m) || p.state.trusted(m) == nil || !p.unmarked(m) || !p.mayAdopt(m) || p.outdated(m) {
			continue
		}
		p.summarize(Summary{Action: engine.StepAdopt, Member: m.Name, Why: m.Name + " waits to go on with its data"})
		p.ledger.FormationSize = int32(len(p.ledger.Members))
		p.grant(m, engine.GrantAdopt)
	}
}

// ours is the report of a member that was taken over; nil of one that was not, or is
// silent.
func (p *draft) ours(m Member) *engine.Report {
	r := p.state.trusted(m)
	if r == nil || r.Volume != engine.VolumeMember || r.Grant != engine.GrantAdopt {
		return nil
	}
	return r
}

// unexpected says what those that were taken over tell of the set that is not as it
// must be: one whose members are not these alone is not taken over any further. An
// empty volume under a member of the set holds what nobody agreed to lose.
func (p *draft) unexpected() string {
	for _, name := range p.granted() {
		m := p.state.member(name)
		if m == nil {
			continue
		}
		if r := p.state.trusted(*m); r != nil && r.Volume == engine.VolumeEmpty && !p.claimLost(name) {
			return name + " finds nothing of the server's at the root of its volume; bring its data there and delete the pod, " +
				"or delete claim and pod to have an empty member take its place once the others were taken over"
		}
		r := p.ours(*m)
		if r == nil || r.Server.Seen == nil {
			continue
		}
		var seen []string
		for _, q := range r.Server.Seen.Peers {
			if _, known := p.ledger.Members[q.Name]; !known || slices.Contains(seen, q.Name) {
				return fmt.Sprintf("the set has the member %s, as %s says, which is none of the StatefulSet's; take it out of the set", orElse(q.Address, q.Name), name)
			}
			seen = append(seen, q.Name)
		}
		for _, other := range p.granted() {
			if !slices.Contains(seen, other) && !p.claimLost(other) {
				return fmt.Sprintf("%s is no member of the set, as %s says; add it to the set under the name of its pod", other, name)
			}
		}
	}
	return ""
}

// adopted tells whether all are taken over, and a quorum finds them in order. From
// then on the set is like any other. It does not wait for one whose claim is gone: that
// is replaced afterwards, by the steps for lost members, on the word of that quorum.
func (p *draft) adopted() bool {
	a := p.out.Assessment
	if !a.Known || !a.Serving || len(a.Peers) > len(p.ledger.Members) {
		return false
	}
	for _, name := range p.granted() {
		if p.claimLost(name) {
			continue
		}
		m := p.state.member(name)
		if m == nil || p.ours(*m) == nil || !slices.ContainsFunc(a.PeersNamed(name), func(q engine.Peer) bool { return q.Healthy }) {
			return false
		}
	}
	return true
}

// adoptNext has the next pod replaced, or says what for it waits. As long as a pod of
// the UID in the ledger is there, no other one is begun: the manager that wrote it may
// still be about to delete the pod. Nor is that one deleted again without a look at the
// others, who may have failed since.
func (p *draft) adoptNext() {
	next := p.begunAdoption()
	if next == nil {
		next = p.nextToAdopt()
	}
	if next == nil {
		p.waitToAdopt("", "all members were taken over; waiting until all of them serve, and one of them leads")
		return
	}
	if next.Pod.Terminating {
		p.summarize(Summary{Action: engine.StepAdopt, Member: next.Name, Why: "its pod is being replaced"})
		return
	}
	if why := p.holdsAdoption(*next); why != "" {
		p.waitToAdopt(next.Name, why)
		return
	}
	e := p.ledger.Members[next.Name]
	e.Replacing = next.Pod.UID
	p.ledger.set(next.Name, e)
	p.ledger.FormationSize = int32(len(p.ledger.Members))
	why := next.Name + " was made by hand; its pod is replaced on its claim"
	if !next.Pod.Handmade {
		why = next.Name + " does not serve; its pod is replaced by one with the changed template"
	}
	p.summarize(Summary{Action: engine.StepAdopt, Member: next.Name, Why: why})
	p.out.Replace = append(p.out.Replace, PodRef{Name: next.Name, UID: next.Pod.UID})
}

// begunAdoption is the member whose replacement is in the ledger; nil where none is.
func (p *draft) begunAdoption() *Member {
	for _, name := range p.granted() {
		if p.ledger.Members[name].Replacing != "" {
			return p.state.member(name)
		}
	}
	return nil
}

func (p *draft) waitToAdopt(member, why string) {
	p.guard(Summary{Action: engine.StepAdopt, Member: member, Why: "it was made by hand", BlockedBy: GuardAdoptable, Message: why})
}

// nextToAdopt is the pod that is replaced next: one that is not ready, since that
// costs least, then from the highest ordinal down, and who leads last, as far as
// those that were taken over can tell. Nil where none is left.
func (p *draft) nextToAdopt() *Member {
	leader, _ := p.leaderSeen()
	var next *Member
	rank := func(m *Member) int {
		switch {
		case p.lameOfOurs(*m) || !m.Pod.Ready && m.Name != leader:
			return 0
		case m.Name == leader:
			return 2
		}
		return 1
	}
	for i := range p.state.Members {
		m := &p.state.Members[i]
		_, known := p.ledger.Members[m.Name]
		if !known || m.Pod == nil || !m.Pod.Handmade && !p.lameOfOurs(*m) || m.Pod.Terminating {
			continue
		}
		if next == nil || rank(m) <= rank(next) {
			next = m
		}
	}
	return next
}

// lameOfOurs tells whether a member that was taken over says that it does not serve,
// and its pod has another template than the one that the specification was changed to.
// A silent one is left alone: it may serve. One that can be replaced at no cost is, see
// replace.
func (p *draft) lameOfOurs(m Member) bool {
	r := p.ours(m)
	return r != nil && !r.Server.Serving && !m.Pod.Handmade && m.Pod.Template != p.state.Set.Template && !p.out.replaces(m.Pod.UID)
}

// leaderSeen is who leads, as all say that were taken over and serve; anybody tells
// whether any of them says something.
func (p *draft) leaderSeen() (leader string, anybody bool) {
	for _, m := range p.state.Members {
		r := p.ours(m)
		if r == nil || r.Server.Seen == nil || !r.Server.Serving {
			continue
		}
		of := ""
		for _, q := range r.Server.Seen.Peers {
			if q.Leader {
				of = q.Name
			}
		}
		if anybody && of != leader {
			return "", true
		}
		leader, anybody = of, true
	}
	return leader, anybody
}

// holdsAdoption says why the next pod must not be replaced now; empty where it may.
// Law 5 is kept on less than a quorum's word, since nobody in the pods that were made
// by hand can be asked:
//
//   - every claim is there, and none is being deleted: it would go with its pod;
//   - every other pod is there and ready, by the kubelet's word;
//   - every other member that was taken over serves, by its own word, and finds all
//     but the next one healthy, and all of them name the same leader;
//   - those that are left are a quorum.
func (p *draft) holdsAdoption(next Member) string {
	if p.out.Shape.WriteTemplate {
		return "the StatefulSet is given the changed template first"
	}
	if !p.state.Set.Settled {
		return "the StatefulSet's controller has not seen it yet"
	}
	if why := p.claimsAmiss(next.Name); why != "" {
		return why
	}
	for _, name := range p.granted() {
		if why := p.amiss(name); why != "" && name != next.Name && !p.claimLost(name) {
			return why
		}
	}
	// Who does not serve may be whom the others lack to elect one.
	if leader, anybody := p.leaderSeen(); anybody && leader == "" && !p.lameOfOurs(next) {
		return "those that were taken over do not agree on who leads"
	}
	if why := p.seenAmiss(next.Name); why != "" {
		return why
	}
	if why := p.cannotSpare(next.Name); why != "" && !p.state.Wanted.AllowDowntime {
		return why + "; set spec.disruption to AllowDowntime"
	}
	return budgetClosed(p, engine.Step{Kind: engine.StepReplacePod, Member: next.Name})
}

// cannotSpare says that no quorum would be left without a member. Who has a vote is
// what those say that were taken over, each by itself: a set may have been given fewer
// votes than members by hand. Until one of them says so, all are taken to have one that
// may.
func (p *draft) cannotSpare(next string) string {
	views := p.views()
	for _, v := range views {
		var voters, lost int
		votes := false
		for _, q := range v.Peers {
			if !q.Voter {
				continue
			}
			voters++
			votes = votes || q.Name == next
			if p.claimLost(q.Name) {
				lost++
			}
		}
		if votes && voters-lost-1 < p.traits.Quorum(voters) {
			return fmt.Sprintf("%s is one of %d members with a vote, of whom %d lost their claims, and a quorum of them needs it", next, voters, lost)
		}
	}
	if len(views) > 0 {
		return ""
	}
	voters := len(p.ledger.Members)
	if p.traits.Votes != nil {
		voters = min(voters, p.traits.Votes(int(p.traits.MaxReplicas)))
	}
	lost := 0
	for name := range p.ledger.Members {
		if p.claimLost(name) {
			lost++
		}
	}
	if voters-lost-1 < p.traits.Quorum(voters) {
		return fmt.Sprintf("a set of %d, of whom %d lost their claims, cannot have a member restarted without being without service", voters, lost)
	}
	return ""
}

// views are what those see of the set that were taken over.
func (p *draft) views() []*engine.View {
	var out []*engine.View
	for _, m := range p.state.Members {
		if r := p.ours(m); r != nil && r.Server.Seen != nil {
			out = append(out, r.Server.Seen)
		}
	}
	return out
}

// claimLost tells whether a member's volume is known to be gone: see settleClaim.
// Nothing is expected of it any more, and it counts as a voter that is down. Once all
// others are taken over it is replaced like any other that is lost.
func (p *draft) claimLost(name string) bool {
	e, known := p.ledger.Members[name]
	return known && e.ClaimUID == ""
}

// claimsAmiss says whose claim is not the one that the user agreed to, or not for much
// longer: what is on it goes with its pod, whoever ends that. It calls the user, since
// nothing of that can be taken back.
func (p *draft) claimsAmiss(next string) string {
	for _, name := range p.granted() {
		m := p.state.member(name)
		lost := p.claimLost(name) && name != next
		if lost || m != nil && m.Claim != nil && m.Claim.UID == p.ledger.Members[name].ClaimUID && !m.Claim.Terminating {
			continue
		}
		reason, why := v1alpha1.ReasonAdoptionRefused, "the claim of "+name+" is gone"
		if m != nil && m.Claim != nil && m.Claim.Terminating {
			reason, why = v1alpha1.ReasonClaimTerminating, "the claim of "+name+" is being deleted, which cannot be taken back, and what is on it goes with the pod"
		}
		p.stall(reason, fmt.Sprintf("%s; no pod is replaced meanwhile: when all others are healthy and have its data, delete the pod %s; "+
			"an empty member takes its place once the others were taken over", why, name))
		return why
	}
	return ""
}

// amiss says why a member cannot be relied upon while another is replaced.
func (p *draft) amiss(name string) string {
	m := p.state.member(name)
	switch {
	case m == nil || m.Pod == nil:
		return name + " has no pod yet"
	case m.Pod.Terminating:
		return "the pod " + name + " is being deleted"
	case !m.Pod.Handmade && p.state.trusted(*m) == nil:
		return name + " is silent"
	case !m.Pod.Handmade && (p.ours(*m) == nil || !p.ours(*m).Server.Serving):
		return name + " does not serve yet"
	case !m.Pod.Ready:
		return name + " is not ready"
	}
	return ""
}

// seenAmiss says whom those that were taken over do not find healthy, but for the one
// that goes next.
func (p *draft) seenAmiss(next string) string {
	for _, m := range p.state.Members {
		r := p.ours(m)
		if r == nil || m.Name == next {
			continue
		}
		if r.Server.Seen == nil {
			return m.Name + " does not tell of the membership"
		}
		for _, q := range r.Server.Seen.Peers {
			if q.Name != next && !q.Healthy && !p.claimLost(q.Name) {
				return fmt.Sprintf("%s is not healthy, as %s finds", q.Name, m.Name)
			}
		}
	}
	return ""
}
