// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/plan"
)

// The simulation of package enginetest begins with empty volumes and with pods that
// have agents. This one begins with a set that was made by hand, and ends when it is
// adopted. Two managers carry out their decisions one effect at a time, each at any
// moment later, and may die in between; servers fail, the user changes their mind,
// deletes a claim, and changes the specification to one with which no server serves.

const adoptees = 3

// adoptedAs is what spec.adopt says of the set.
var adoptedAs = plan.Adopted{Authentication: v1alpha1.AuthenticationNone, SetName: "rs0"}

// badTemplate is one with which servers run and do not serve.
const badTemplate = "bad"

// hand is a world with such a set.
type hand struct {
	ledger          *plan.Ledger
	ledgerVersion   int
	old             string // UID of the StatefulSet made by hand; empty once it is gone
	going, set      bool
	settled         bool
	pods            [adoptees]*handPod
	claims          [adoptees]handClaim
	wanted          string         // template of the specification
	template        string         // that of our StatefulSet
	adopted         [adoptees]bool // the marker on each volume
	leader          int
	engine          engine.Engine
	keeps           bool // autopilot removes nobody
	unwilling       int  // how many times that cannot be switched off
	approved        bool
	downtime        bool
	budget          *plan.Budget
	budgetVersion   int
	uids            int
	taken           map[string]int // pods that the operator deleted, by UID, until their successors serve
	broken          string
	closed, known   bool // the set has authentication, and lets our agents in
	stubborn        bool // the server that leads hands over to nobody
	locked          bool // the administrator that the user names is the wrong one
	deletedApproved bool // whether the manager that deleted the StatefulSet decided on a word
	managers        [2]handManager
	// reckless changes what a manager sees, to break a law.
	reckless func(*plan.State)
}

type handPod struct {
	uid                          string
	handmade, labelled, ours     bool
	terminating, running, synced bool
	epoch                        int64
	template                     string
	started                      bool // its server has run
	action                       *engine.ActionState
}

// handClaim is a claim with its volume.
type handClaim struct {
	uid         string // empty where there is none
	terminating bool
}

type handManager struct {
	epoch int64
	queue []func() bool // false ends the pass
}

func newHand() *hand {
	w := &hand{engine: mongodb.Engine{}, old: "sts-0", taken: map[string]int{}, leader: 1, wanted: "t"}
	for i := range w.pods {
		w.pods[i] = &handPod{uid: w.uid(), handmade: true, started: true, running: true, synced: true}
		w.claims[i].uid = claimUID(i)
	}
	return w
}

func (w *hand) uid() string {
	w.uids++
	return "pod-" + strconv.Itoa(w.uids)
}

func memberName(i int) string { return "db-" + strconv.Itoa(i) }
func claimUID(i int) string   { return "claim-" + strconv.Itoa(i) }

// lost tells whether the volume that the set began with is gone.
func (w *hand) lost(i int) bool { return w.claims[i].uid != claimUID(i) }

func (w *hand) breaks(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
	}
}

func (w *hand) healthy(i int) bool {
	p := w.pods[i]
	return p != nil && p.running && p.synced && !p.terminating
}

// elect has another lead where who leads is down, if a majority is up.
func (w *hand) elect() {
	up := 0
	for i := range w.pods {
		if w.healthy(i) {
			up++
		}
	}
	if up < 2 {
		w.leader = -1
		return
	}
	if w.leader >= 0 && w.healthy(w.leader) {
		return
	}
	for i := range w.pods {
		if w.healthy(i) {
			w.leader = i
		}
	}
}

// state is what a manager sees, all of it as it is now.
func (w *hand) state(m *handManager) plan.State {
	s := plan.State{
		Name: "db", Ledger: w.ledger.Clone(), Epoch: m.epoch, NewClusterID: "c", Retained: true,
		Wanted: plan.Wanted{Replicas: adoptees, Template: w.wanted, Adopts: true, ClaimTemplate: "mongo-data", Adopted: adoptedAs, AllowDowntime: w.downtime},
	}
	if w.budget != nil {
		b := *w.budget
		s.Budget = &b
	}
	if w.approved {
		s.Wanted.Approved = []v1alpha1.Approval{{Kind: v1alpha1.ApproveAdopt, Subject: "db", Token: "sts-0"}}
	}
	if w.closed {
		s.AdoptedSecrets = &plan.AdoptedSecrets{}
	}
	if w.set {
		s.Set = &plan.Set{Replicas: adoptees, Template: w.template, Settled: w.settled}
	} else if w.old != "" {
		s.Handmade = &plan.Handmade{UID: w.old, Going: w.going}
		for i, p := range w.pods {
			if p != nil && !p.terminating && p.running {
				s.Handmade.Members = append(s.Handmade.Members, plan.HandmadeMember{Name: memberName(i), PodUID: p.uid, ClaimUID: w.claims[i].uid})
			}
		}
		if len(s.Handmade.Members) < adoptees {
			s.Handmade.Obstacles = []string{"a pod is missing"}
		}
	}
	for i, p := range w.pods {
		out := plan.Member{Name: memberName(i), Ordinal: int32(i)}
		if c := w.claims[i]; c.uid != "" {
			out.Claim = &plan.Claim{UID: c.uid, Terminating: c.terminating}
		}
		if p != nil && p.ours {
			out.Pod = &plan.Pod{
				UID: p.uid, Handmade: p.handmade, Started: p.handmade || p.started, Ready: w.healthy(i), Terminating: p.terminating,
				AgentSettled: true, Template: p.template, Agent: "a",
			}
			if p.handmade {
				out.Pod.Template, out.Pod.Agent = "", ""
			} else if !p.terminating {
				out.Report = w.report(i)
			}
		}
		s.Members = append(s.Members, out)
	}
	return s
}

func (w *hand) report(i int) *engine.Report {
	p := w.pods[i]
	r := &engine.Report{Member: memberName(i), PodUID: p.uid, Volume: engine.VolumeUnmarked, Epoch: p.epoch}
	if w.lost(i) {
		r.Volume = engine.VolumeEmpty
	}
	if !w.adopted[i] {
		return r
	}
	r.Volume, r.ClusterID, r.ClaimUID, r.Grant, r.Released = engine.VolumeMember, "c", claimUID(i), engine.GrantAdopt, true
	if !p.running {
		return r
	}
	if w.closed && !w.known {
		r.Server = engine.Server{Running: true, Formed: true, Leader: i == w.leader, Facts: map[string]string{"users": "Pending"}}
		return r
	}
	view := &engine.View{Tolerance: 1}
	for j := range w.pods {
		view.Peers = append(view.Peers, engine.Peer{
			ID: strconv.Itoa(j), Name: memberName(j), Address: memberName(j) + ".db:27017", Voter: true, Healthy: w.healthy(j), Leader: j == w.leader,
		})
	}
	r.Server = engine.Server{
		Running: true, Serving: p.synced, Formed: true, ID: strconv.Itoa(i), Set: "set", Version: "8.0.4", Leader: i == w.leader, Term: 1,
		Facts: map[string]string{"users": "Ready", "featureCompatibilityVersion": "8.0"}, Seen: view,
	}
	if w.engine == (consul.Engine{}) {
		r.Server.Set, r.Server.Version = "", "1.22.3"
		r.Server.Facts = map[string]string{consul.FactACL: consul.ACLOpen, consul.FactCleanup: strconv.FormatBool(!w.keeps), consul.FactQuorum: "2"}
	}
	r.Action = p.action
	if i == w.leader {
		r.Server.View = view
	}
	return r
}

// pass has a manager decide, and queues what it will do.
func (w *hand) pass(m *handManager) {
	if w.ledger != nil && m.epoch != 0 && w.ledger.Epoch > m.epoch {
		m.epoch = 0 // another one has taken over, and now this one does
	}
	s := w.state(m)
	if w.reckless != nil {
		w.reckless(&s)
	}
	d := plan.Next(w.engine, s)
	w.judge(d)
	if d.Ledger == nil {
		return
	}
	version, budgets := w.ledgerVersion, w.budgetVersion
	m.queue = append(m.queue, func() bool {
		if version != w.ledgerVersion {
			return false
		}
		if !d.Ledger.Equal(w.ledger) {
			w.ledger = d.Ledger.Clone()
			w.ledgerVersion++
		}
		m.epoch = d.Ledger.Epoch
		version = w.ledgerVersion
		return true
	})
	if d.Budget != nil {
		m.queue = append(m.queue, func() bool {
			if budgets != w.budgetVersion {
				return false
			}
			if w.budget == nil || w.budget.Max != d.Budget.Max || w.budget.Epoch != d.Budget.Epoch {
				w.budget = &plan.Budget{Max: d.Budget.Max, Epoch: d.Budget.Epoch}
				w.budgetVersion++
			}
			return true
		})
	}
	w.queueTakeOver(m, d)
	if template := s.Wanted.Template; d.Shape.WriteTemplate {
		m.queue = append(m.queue, func() bool {
			if template != w.wanted { // the specification is read again before
				return false
			}
			if w.template != template {
				w.template, w.settled = template, false
			}
			return true
		})
	}
	for _, ref := range d.Replace {
		m.queue = append(m.queue, func() bool { return w.deletePod(ref) })
	}
	for _, a := range d.Asks {
		m.queue = append(m.queue, func() bool { return version == w.ledgerVersion && w.ask(a, d.Ledger.Epoch) })
	}
}

// removes tells whether the servers may remove a member while its pod is replaced, although
// another that was taken over could have had them not do so. A replacement that was begun
// is completed.
func (w *hand) removes(ref plan.PodRef) bool {
	if w.keeps || w.engine != engine.Engine(consul.Engine{}) || w.ledger.Members[ref.Name].Replacing != "" {
		return false
	}
	for i, p := range w.pods {
		if memberName(i) != ref.Name && p != nil && !p.handmade && w.healthy(i) {
			return true
		}
	}
	return false
}

// blank tells whether a pod has no server that could be lost: it never ran.
func (w *hand) blank(ref plan.PodRef) bool {
	for i, p := range w.pods {
		if p != nil && memberName(i) == ref.Name && p.uid == ref.UID {
			return !p.started && !p.handmade
		}
	}
	return false
}

// judge holds the laws that a decision alone can break.
func (w *hand) judge(d plan.Decision) {
	for _, a := range d.Asks {
		if a.Grant != nil && a.Grant.Kind != engine.GrantAdopt {
			w.breaks("%s was granted to %s", a.Member, a.Grant.Kind)
		}
	}
	if len(d.DeleteClaims) > 0 || d.Dissolve != "" {
		w.breaks("something is deleted: %v %s", d.DeleteClaims, d.Dissolve)
	}
	if w.ledger == nil && d.Ledger != nil && !w.approved {
		w.breaks("a ledger is begun that nobody agreed to")
	}
	if t := d.TakeOver; t != nil && t.StatefulSet != "" && !w.going && !w.approved {
		w.breaks("StatefulSet %s is to be deleted, and nobody agrees to that any more", t.StatefulSet)
	}
	if d.Ledger != nil && !d.Ledger.Formed {
		w.breaks("the ledger has a set that has not formed")
	}
	for _, ref := range d.Replace {
		if w.blank(ref) {
			continue
		}
		if w.removes(ref) {
			w.breaks("%s is to be replaced, and the servers would remove it", ref.Name)
		}
		for i, p := range w.pods {
			if w.closed && !w.known && w.adopted[i] && p != nil && !p.handmade && p.running && memberName(i) != ref.Name {
				w.breaks("%s is to be replaced, and the agent of %s is not let in", ref.Name, memberName(i))
			}
		}
		for i := range w.pods {
			switch c := w.claims[i]; {
			case memberName(i) == ref.Name && (w.lost(i) || c.terminating):
				w.breaks("%s is to be replaced, and what is on its volume goes with it", ref.Name)
			case memberName(i) != ref.Name && !w.healthy(i) && !(w.lost(i) && w.downtime):
				w.breaks("%s is to be replaced while %s is not healthy", ref.Name, memberName(i))
			}
		}
		begun := w.ledger != nil && w.ledger.Members[ref.Name].Replacing != "" // it may lead by now
		if w.leader >= 0 && memberName(w.leader) == ref.Name && w.told() && w.handmadeLeft() > 1 && !begun {
			w.breaks("%s leads and is to be replaced before others", ref.Name)
		}
	}
}

// told tells whether any member that was taken over can say who leads.
func (w *hand) told() bool {
	for i, p := range w.pods {
		if p != nil && !p.handmade && p.running && w.adopted[i] {
			return true
		}
	}
	return false
}

func (w *hand) handmadeLeft() (n int) {
	for _, p := range w.pods {
		if p != nil && p.handmade {
			n++
		}
	}
	return n
}

// queueTakeOver has one StatefulSet put in the place of the other.
func (w *hand) queueTakeOver(m *handManager, d plan.Decision) {
	t := d.TakeOver
	if t == nil {
		return
	}
	for _, ref := range t.Pods {
		m.queue = append(m.queue, func() bool {
			for i, p := range w.pods {
				if p != nil && memberName(i) == ref.Name && p.uid == ref.UID {
					p.labelled = true
				}
			}
			return true
		})
	}
	agreed, template := w.approved, w.wanted
	m.queue = append(m.queue, func() bool {
		switch {
		case t.StatefulSet == "":
			return true
		case w.going || w.old == "":
			return false
		case t.StatefulSet != w.old || !w.approved: // it is asked for again right before
			return false
		}
		w.going, w.deletedApproved = true, agreed
		return false
	}, func() bool {
		if w.old != "" || w.set {
			return false
		}
		w.set, w.template = true, template
		return true
	})
}

func (w *hand) deletePod(ref plan.PodRef) bool {
	for i, p := range w.pods {
		if p != nil && memberName(i) == ref.Name && p.uid == ref.UID && !p.terminating {
			if !w.blank(ref) {
				w.taken[p.uid] = i
			}
			p.terminating = true
		}
	}
	down := map[int]bool{}
	for _, of := range w.taken {
		down[of] = true
	}
	if len(down) > 1 {
		w.breaks("%d members are down since the operator took their pods", len(down))
	}
	return true
}

func (w *hand) ask(a plan.Ask, epoch int64) bool {
	for i, p := range w.pods {
		if p == nil || p.uid != a.PodUID || p.handmade || p.terminating {
			continue
		}
		if epoch < p.epoch {
			return false
		}
		p.epoch = epoch
		if a.Step != nil {
			w.carryOut(i, a.Step)
			return true
		}
		if a.Grant.ClaimUID != claimUID(i) || w.lost(i) {
			w.breaks("a grant for another claim reached %s", memberName(i))
		}
		w.adopted[i] = true
	}
	return true
}

// carryOut has a member's server do what it was asked for, if it can.
func (w *hand) carryOut(i int, s *engine.Step) {
	p := w.pods[i]
	if s.Kind == engine.StepBootstrap {
		w.known = w.known || w.leader >= 0 && !w.locked && p.running
		return
	}
	p.action = &engine.ActionState{ID: "1", Kind: s.Kind, Done: true}
	switch {
	case !w.healthy(i):
		p.action.Error = "it does not run"
	case s.Kind == engine.StepConfigure && w.unwilling > 0:
		p.action.Error = "there is no leader"
		w.unwilling--
	case s.Kind == engine.StepConfigure:
		w.keeps = true
	case s.Kind == engine.StepStepDown && w.stubborn:
		p.action.Error = "nobody has caught up"
	case s.Kind == engine.StepStepDown && w.leader >= 0:
		w.leader = i
	}
}

// effect carries out what a manager does next.
func (w *hand) effect(m *handManager) {
	if len(m.queue) == 0 {
		w.pass(m)
		return
	}
	next := m.queue[0]
	m.queue = m.queue[1:]
	if !next() {
		m.queue = nil
	}
}

// turn lets the controllers, the kubelet and the servers do one thing.
func (w *hand) turn(i int) {
	if w.going {
		w.going, w.old = false, ""
	}
	w.settled = w.set
	if w.budget != nil {
		w.budget.Closed = w.budget.Max == 0
	}
	switch p := w.pods[i]; {
	case p == nil:
		if w.set || w.old != "" {
			if w.claims[i].uid == "" {
				w.claims[i].uid = claimUID(i) + "-anew"
			}
			w.pods[i] = &handPod{uid: w.uid(), handmade: !w.set, labelled: w.set, ours: w.set, template: w.template}
		}
	case p.terminating:
		w.pods[i] = nil
		if w.claims[i].terminating {
			w.lose(i)
		}
	case !p.ours:
		p.ours = w.set && p.labelled
		p.running, p.synced = true, p.running
	case p.handmade || w.adopted[i]:
		p.running, p.synced = true, p.running && p.template != badTemplate
	}
	if p := w.pods[i]; p != nil {
		p.started = p.started || p.running
	}
	w.elect()
	for uid, of := range w.taken {
		if p := w.pods[of]; p != nil && p.uid != uid && w.healthy(of) {
			delete(w.taken, uid)
		}
	}
}

// deleteClaim has the user delete one, which lasts as long as its pod does.
func (w *hand) deleteClaim(i int) {
	w.claims[i].terminating = true
	if w.pods[i] == nil {
		w.lose(i)
	}
}

// lose takes a volume away. Who is not back by then never will be.
func (w *hand) lose(i int) {
	w.claims[i], w.adopted[i] = handClaim{}, false
	for uid, of := range w.taken {
		if of == i {
			delete(w.taken, uid)
		}
	}
}

// heed has the user do what the status says of a claim that is being deleted.
func (w *hand) heed() {
	w.approved = true
	for i, c := range w.claims {
		if c.terminating || w.lost(i) {
			w.downtime = true
		}
		if p := w.pods[i]; c.terminating && p != nil {
			p.terminating = true
		}
	}
}

// fail has a server end; its kubelet starts it again.
func (w *hand) fail(i int) {
	if p := w.pods[i]; p != nil {
		p.running, p.synced = false, false
	}
	w.elect()
}

// finish ends all faults, has the specification mended, and lets one manager go on until the set is adopted.
func (w *hand) finish() bool {
	w.wanted, w.locked = "mended", false
	for range 400 {
		w.heed()
		w.managers[1].queue = nil
		w.effect(&w.managers[0])
		for i := range w.pods {
			w.turn(i)
		}
		if w.broken != "" {
			return true
		}
		if w.done() {
			return true
		}
	}
	return false
}

func (w *hand) done() bool {
	return w.ledger != nil && w.ledger.Adoption == nil && w.handmadeLeft() == 0
}

// wanderHand begins somewhere in an adoption, since a walk alone seldom gets far.
func wanderHand(t *rapid.T, w *hand) {
	_, admits := w.engine.(engine.SecretAdopter)
	w.closed = admits && rapid.Bool().Draw(t, "closed")
	w.stubborn = rapid.Bool().Draw(t, "stubborn")
	w.unwilling = rapid.IntRange(0, 4).Draw(t, "unwilling")
	w.locked = w.closed && rapid.Bool().Draw(t, "locked")
	if rounds := rapid.SampledFrom([]int{0, 5, 10, 15, 20, 25, 30, 35}).Draw(t, "rounds"); rounds > 0 {
		w.approved = true
		w.wanted = rapid.SampledFrom([]string{"t", badTemplate}).Draw(t, "template")
		for range rounds {
			w.effect(&w.managers[0])
			for i := range w.pods {
				w.turn(i)
			}
		}
	}
	faults, deleted := 0, false
	for range rapid.IntRange(0, 150).Draw(t, "length") {
		i := rapid.IntRange(0, adoptees-1).Draw(t, "member")
		m := &w.managers[rapid.IntRange(0, 1).Draw(t, "manager")]
		switch rapid.IntRange(0, 14).Draw(t, "what") {
		case 0:
			m.queue, m.epoch = nil, 0
		case 1:
			if faults < 3 {
				w.fail(i)
				faults++
			}
		case 2:
			w.approved = !w.approved
		case 3, 4, 5:
			w.turn(i)
		case 7:
			w.wanted = rapid.SampledFrom([]string{"t", badTemplate}).Draw(t, "template")
		case 6:
			if w.set && !deleted { // before, the adoption is refused for it
				w.deleteClaim(i)
				deleted = true
			}
		default:
			w.effect(m)
		}
		if w.broken != "" || w.done() {
			return
		}
	}
}

func TestAnAdoptionHoldsTheLaws(t *testing.T) {
	for _, by := range []engine.Engine{mongodb.Engine{}, consul.Engine{}} {
		t.Run(fmt.Sprintf("%T", by), func(t *testing.T) { adoptionHoldsTheLaws(t, by) })
	}
}

func adoptionHoldsTheLaws(t *testing.T, by engine.Engine) {
	rapid.Check(t, func(t *rapid.T) {
		w := newHand()
		w.engine = by
		wanderHand(t, w)
		if !w.finish() {
			s := w.state(&w.managers[0])
			d := plan.Next(w.engine, s)
			t.Fatalf("it does not end: ledger %+v, plan %+v, stalled %v, members %+v", w.ledger, d.Plan, d.Stalled, s.Members)
		}
		if w.broken != "" {
			t.Fatal(w.broken)
		}
		if !w.deletedApproved {
			t.Fatal("the StatefulSet was deleted on a decision that nobody had agreed to")
		}
		if (w.ledger.SetID != "set") != (by == engine.Engine(consul.Engine{})) || w.ledger.ClaimTemplate != "mongo-data" || w.ledger.Adopted == nil || *w.ledger.Adopted != adoptedAs || len(w.ledger.Members) != adoptees {
			t.Fatalf("adopted as %+v", w.ledger)
		}
	})
}

// TestARecklessAdoptionIsNoticed leaves out what the laws hang on, and must break
// them.
func TestARecklessAdoptionIsNoticed(t *testing.T) {
	for name, reckless := range map[string]func(*plan.State){
		"who is not well counts as well": everybodyIsWell,
		"nobody is asked for their word": func(s *plan.State) {
			s.Wanted.Approved = []v1alpha1.Approval{{Kind: v1alpha1.ApproveAdopt, Subject: "db", Token: "sts-0"}}
		},
		"no claim is ever gone": func(s *plan.State) {
			for i := range s.Members {
				s.Members[i].Claim = &plan.Claim{UID: claimUID(i)}
			}
		},
		"nobody is asked who leads": func(s *plan.State) {
			for i := range s.Members {
				if r := s.Members[i].Report; r != nil && r.Server.Seen != nil {
					seen := *r.Server.Seen
					seen.Peers = append([]engine.Peer{}, seen.Peers...)
					for j := range seen.Peers {
						seen.Peers[j].Leader = seen.Peers[j].Name == "db-0"
					}
					r.Server.Seen = &seen
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			noticed := false
			for seed := range 400 {
				w := newHand()
				w.reckless = reckless
				rapid.Custom(func(t *rapid.T) bool { wanderHand(t, w); return true }).Example(seed)
				if w.broken == "" {
					w.finish()
				}
				if noticed = w.broken != ""; noticed {
					break
				}
			}
			if !noticed {
				t.Error("no law was broken")
			}
		})
	}
}

// TestAFrozenManagerTakesNoSecondPod has a manager freeze right before it deletes a
// pod, another server fail, and a second manager take over: as long as the first may go
// on, no other pod is taken. One that forgets what was begun takes another one.
func TestAFrozenManagerTakesNoSecondPod(t *testing.T) {
	for name, forgets := range map[string]bool{"the ledger knows": false, "the ledger is not heeded": true} {
		t.Run(name, func(t *testing.T) {
			w := newHand()
			w.approved = true
			frozen, other := &w.managers[0], &w.managers[1]
			for i := 0; !(w.ledger != nil && w.ledger.Members["db-2"].Replacing != "" && len(frozen.queue) == 1); i++ {
				if i > 100 {
					t.Fatal("nobody is to be replaced")
				}
				for j := range w.pods {
					w.turn(j)
				}
				w.effect(frozen)
			}
			w.fail(0)
			if forgets {
				w.reckless = func(s *plan.State) {
					e := s.Ledger.Members["db-2"]
					e.Replacing = ""
					s.Ledger.Members["db-2"] = e
				}
			}
			for range 40 {
				w.effect(other)
				w.turn(1) // the others' kubelets are slow
			}
			w.effect(frozen)
			if forgets == (w.broken == "") {
				t.Errorf("broken: %q", w.broken)
			}
		})
	}
}

// everybodyIsWell shows all pods as ready, and all servers as healthy.
func everybodyIsWell(s *plan.State) {
	for i := range s.Members {
		m := &s.Members[i]
		if m.Pod == nil {
			continue
		}
		m.Pod.Ready, m.Pod.Terminating = true, false
		if r := m.Report; r != nil && r.Server.Seen != nil {
			r.Server.Serving = true
			seen := *r.Server.Seen
			seen.Peers = append([]engine.Peer{}, seen.Peers...)
			for j := range seen.Peers {
				seen.Peers[j].Healthy = true
			}
			r.Server.Seen = &seen
		}
	}
}
