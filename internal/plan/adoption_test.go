// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/plan"
)

// TestAnAdoptionIsProposed writes nothing before both have agreed, and never forms a
// set where there is none to adopt.
func TestAnAdoptionIsProposed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*plan.State)
		reason string
		says   string
	}{
		"nothing in the way": {func(*plan.State) {}, v1alpha1.ReasonAdoptionPlanned, "quorate.dev/approve=adopt:db:sts-0"},
		"a caution": {func(s *plan.State) { s.Handmade.Cautions = []string{"look at this"} },
			v1alpha1.ReasonAdoptionPlanned, "(5) look at this; to agree"},
		"obstacles": {func(s *plan.State) { s.Handmade.Obstacles = []string{"one thing", "another"} },
			v1alpha1.ReasonAdoptionRefused, "(1) one thing; (2) another"},
		"obstacles, agreed": {func(s *plan.State) { agree(s); s.Handmade.Obstacles = []string{"one thing"} },
			v1alpha1.ReasonAdoptionRefused, "(1) one thing"},
		"another one was agreed to": {func(s *plan.State) { agree(s); s.Handmade.UID = "sts-1" },
			v1alpha1.ReasonAdoptionPlanned, "adopt:db:sts-1"},
		"a word that cannot be read": {func(s *plan.State) { s.Wanted.Unreadable = "no colon" },
			v1alpha1.ReasonAdoptionPlanned, "agrees to nothing: no colon"},
		"no StatefulSet": {func(s *plan.State) { agree(s); s.Handmade = nil },
			v1alpha1.ReasonAdoptionRefused, "no StatefulSet db"},
		"no StatefulSet, and no claims": {func(s *plan.State) { agree(s); s.Handmade, s.Retained = nil, false },
			v1alpha1.ReasonAdoptionRefused, "no StatefulSet db"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHand()
			s := w.state(&w.managers[0])
			c.change(&s)
			d := plan.Next(mongodb.Engine{}, s)
			if d.Ledger != nil || d.TakeOver != nil || len(d.Asks)+len(d.Replace) > 0 {
				t.Errorf("something is done: %+v", d)
			}
			if d.Stalled == nil || d.Stalled.Reason != c.reason || !strings.Contains(d.Stalled.Message, c.says) || d.Plan.Action != engine.StepAdopt {
				t.Errorf("stalled %+v, plan %+v", d.Stalled, d.Plan)
			}
		})
	}
}

func agree(s *plan.State) {
	s.Wanted.Approved = []v1alpha1.Approval{{Kind: v1alpha1.ApproveAdopt, Subject: "db", Token: "sts-0"}}
}

// TestAnAdoptionIsInTheLedgerFirst holds the UIDs of all that is taken over, and asks
// again as long as there is a way back.
func TestAnAdoptionIsInTheLedgerFirst(t *testing.T) {
	w := newHand()
	w.approved = true
	s := w.state(&w.managers[0])
	d := plan.Next(mongodb.Engine{}, s)
	if l := d.Ledger; l == nil || !l.Formed || l.Adoption.StatefulSet != "sts-0" || l.Members["db-2"].PodUID != "pod-3" || l.Members["db-2"].ClaimUID != "claim-2" {
		t.Fatalf("ledger %+v", d.Ledger)
	}
	if d.TakeOver == nil || d.TakeOver.StatefulSet != "sts-0" || len(d.TakeOver.Claims) != 3 || len(d.TakeOver.Pods) != 3 || d.Shape.Replicas != 3 {
		t.Fatalf("take over %+v, shape %+v", d.TakeOver, d.Shape)
	}
	s.Ledger = d.Ledger
	for name, c := range map[string]struct {
		change func(*plan.State)
		goes   bool
	}{
		"as agreed":                            {func(*plan.State) {}, true},
		"the word is taken back":               {func(s *plan.State) { s.Wanted.Approved = nil }, false},
		"something has come into it":           {func(s *plan.State) { s.Handmade.Obstacles = []string{"a sidecar"} }, false},
		"another StatefulSet is there":         {func(s *plan.State) { s.Handmade.UID = "sts-1" }, false},
		"a claim is another one":               {func(s *plan.State) { s.Handmade.Members[0].ClaimUID = "claim-9" }, false},
		"a pod is another one":                 {func(s *plan.State) { s.Handmade.Members[0].PodUID = "pod-9" }, true},
		"it goes, and the word comes too late": {func(s *plan.State) { s.Handmade.Going = true; s.Wanted.Approved = nil }, true},
		"it is gone":                           {func(s *plan.State) { s.Handmade = nil; s.Wanted.Approved = nil }, true},
		"fewer are wanted by now":              {func(s *plan.State) { s.Wanted.Replicas = 1 }, true},
		"it shall be stopped":                  {func(s *plan.State) { s.Wanted.Stopped = true }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := s
			h := *s.Handmade
			h.Members = slices.Clone(h.Members)
			s.Handmade, s.Ledger = &h, s.Ledger.Clone()
			c.change(&s)
			d := plan.Next(mongodb.Engine{}, s)
			if (d.TakeOver != nil) != c.goes || d.Shape.Replicas != 3 || len(d.Replace)+len(d.Asks) > 0 {
				t.Errorf("take over %+v, shape %+v, stalled %v", d.TakeOver, d.Shape, d.Stalled)
			}
			if name == "a claim is another one" && (d.Stalled == nil || !strings.Contains(d.Stalled.Message, "delete StatefulSet db with --cascade=orphan")) {
				t.Errorf("stalled %v", d.Stalled)
			}
		})
	}
}

// halfAdopted is a set of which db-2 was taken over, and db-1 leads.
func halfAdopted(t *testing.T) plan.State {
	t.Helper()
	s := adoptedUntil(t, "db-2 is taken over", func(w *hand) bool {
		p := w.pods[2]
		return p != nil && !p.handmade && w.healthy(2)
	})
	if s.Members[0].Pod == nil || !s.Members[0].Pod.Handmade {
		t.Fatal("db-0 was taken over before db-2")
	}
	return s
}

// adoptedUntil has one manager adopt a set until something holds, and returns what it sees
// then.
func adoptedUntil(t *testing.T, what string, holds func(*hand) bool) plan.State {
	t.Helper()
	w := newHand()
	w.approved = true
	for range 300 {
		w.effect(&w.managers[0])
		for i := range w.pods {
			w.turn(i)
		}
		if holds(w) {
			w.managers[0].queue = nil
			return w.state(&w.managers[0])
		}
	}
	t.Fatalf("it does not come to it that %s", what)
	return plan.State{}
}

// TestFactsDecideOnTheNext holds what the first of them tells against what was
// expected, before any other is touched.
func TestFactsDecideOnTheNext(t *testing.T) {
	seen := func(change func(*engine.View)) func(*plan.State) {
		return func(s *plan.State) { change(s.Members[2].Report.Server.Seen) }
	}
	for name, c := range map[string]struct {
		change  func(*plan.State)
		next    string
		refused bool
		says    string
	}{
		"all is well": {func(*plan.State) {}, "db-0", false, ""},
		"a member that is none of ours": {seen(func(v *engine.View) {
			v.Peers = append(v.Peers, engine.Peer{ID: "7", Name: "old", Address: "old:27017", Healthy: true})
		}), "", true, "old:27017"},
		"a member twice":                    {seen(func(v *engine.View) { v.Peers = append(v.Peers, v.Peers[0]) }), "", true, "db-0.db:27017"},
		"a pod that is no member":           {seen(func(v *engine.View) { v.Peers = v.Peers[1:] }), "", true, "db-0 is no member"},
		"one is not healthy":                {seen(func(v *engine.View) { v.Peers[1].Healthy = false }), "", false, "db-1 is not healthy, as db-2 finds"},
		"the next is not healthy":           {seen(func(v *engine.View) { v.Peers[0].Healthy = false }), "db-0", false, ""},
		"nobody leads":                      {seen(func(v *engine.View) { v.Peers[1].Leader = false }), "", false, "do not agree on who leads"},
		"it does not tell":                  {func(s *plan.State) { s.Members[2].Report.Server.Seen = nil }, "", false, "does not tell of the membership"},
		"it does not serve":                 {func(s *plan.State) { s.Members[2].Report.Server.Serving = false }, "", false, "db-2 does not serve yet"},
		"it is silent":                      {func(s *plan.State) { s.Members[2].Report = nil }, "", false, "db-2 is silent"},
		"it is of another set":              {func(s *plan.State) { s.Ledger.SetID = "set"; s.Members[2].Report.Server.Set = "other" }, "", false, "db-2 is silent"},
		"another is not ready":              {func(s *plan.State) { s.Members[1].Pod.Ready = false; s.Members[0].Pod.Ready = false }, "", false, "is not ready"},
		"one that is not ready comes first": {func(s *plan.State) { s.Members[0].Pod.Ready = false }, "db-0", false, ""},
		"a pod is going":                    {func(s *plan.State) { s.Members[1].Pod.Terminating = true }, "", false, "db-1 is being deleted"},
		"a pod is missing":                  {func(s *plan.State) { s.Members[1].Pod = nil }, "", false, "db-1 has no pod"},
		"evictions are open":                {func(s *plan.State) { s.Budget.Closed = false }, "", false, "evictions"},
		"the set is not seen":               {func(s *plan.State) { s.Set.Settled = false }, "", false, "controller has not seen"},
		"an empty volume": {func(s *plan.State) {
			m := &s.Members[0]
			m.Pod.Handmade = false
			m.Report = &engine.Report{Member: m.Name, PodUID: m.Pod.UID, Volume: engine.VolumeEmpty}
		}, "", true, "db-0 finds nothing"},
		"a vote that is needed": {seen(func(v *engine.View) { v.Peers[2].Voter = false }), "", false, "db-0 is one of 2 members with a vote"},
		"a vote that is needed, and downtime is allowed": {func(s *plan.State) {
			s.Members[2].Report.Server.Seen.Peers[2].Voter, s.Wanted.AllowDowntime = false, true
		}, "db-0", false, ""},
		"a member without a vote":           {seen(func(v *engine.View) { v.Peers[0].Voter = false }), "db-0", false, ""},
		"a claim that is another one":       {func(s *plan.State) { s.Members[1].Claim.UID = "other" }, "", true, "claim of db-1 is gone"},
		"the next one's claim is another":   {func(s *plan.State) { s.Members[0].Claim.UID = "other" }, "", true, "claim of db-0 is gone"},
		"the next one's claim is gone":      {func(s *plan.State) { s.Members[0].Claim = nil }, "", true, "claim of db-0 is gone"},
		"the next one's claim is going":     {func(s *plan.State) { s.Members[0].Claim.Terminating = true }, "", false, "claim of db-0 is being deleted"},
		"another one's claim is going":      {func(s *plan.State) { s.Members[1].Claim.Terminating = true }, "", false, "claim of db-1 is being deleted"},
		"the claim of one of ours is going": {func(s *plan.State) { s.Members[2].Claim.Terminating = true }, "", false, "claim of db-2 is being deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			s := halfAdopted(t)
			c.change(&s)
			d := plan.Next(mongodb.Engine{}, s)
			got := ""
			if len(d.Replace) > 0 {
				got = d.Replace[0].Name
			}
			refused := d.Stalled != nil && d.Stalled.Reason == v1alpha1.ReasonAdoptionRefused
			if got != c.next || len(d.Replace) > 1 || len(d.Asks) > 0 || refused != c.refused || !strings.Contains(d.Plan.Message, c.says) || d.Ledger.Adoption == nil {
				t.Errorf("replaces %v, asks %v, stalled %v, plan %+v", d.Replace, d.Asks, d.Stalled, d.Plan)
			}
			if going := strings.Contains(c.says, "being deleted"); going && strings.Contains(c.says, "claim") && (d.Stalled == nil || d.Stalled.Reason != v1alpha1.ReasonClaimTerminating) {
				t.Errorf("stalled %v", d.Stalled)
			}
		})
	}
}

// TestASpecificationCanBeMendedInAnAdoption: one of ours that runs and does not serve is
// given a changed template before any other pod is touched.
func TestASpecificationCanBeMendedInAnAdoption(t *testing.T) {
	lame := func(t *testing.T) plan.State {
		s := halfAdopted(t)
		s.Members[2].Pod.Ready = false
		s.Members[2].Report.Server.Serving, s.Members[2].Report.Server.Seen = false, nil
		s.Wanted.Template = "mended"
		return s
	}
	s := lame(t)
	d := plan.Next(mongodb.Engine{}, s)
	if !d.Shape.WriteTemplate || len(d.Replace) > 0 {
		t.Fatalf("shape %+v, replaces %v", d.Shape, d.Replace)
	}
	for name, c := range map[string]struct {
		change func(*plan.State)
		next   string
	}{
		"written": {func(*plan.State) {}, "db-2"},
		"it sees nobody lead": {func(s *plan.State) {
			s.Members[2].Report.Server.Seen = &engine.View{Peers: []engine.Peer{
				{Name: "db-0", Voter: true, Healthy: true}, {Name: "db-1", Voter: true, Healthy: true}, {Name: "db-2", Voter: true},
			}}
		}, "db-2"},
		"it serves after all":     {func(s *plan.State) { s.Members[2].Pod.Ready, s.Members[2].Report.Server.Serving = true, true }, ""},
		"it is silent":            {func(s *plan.State) { s.Members[2].Report = nil }, ""},
		"it has that one":         {func(s *plan.State) { s.Members[2].Pod.Template = "mended" }, ""},
		"another is not ready":    {func(s *plan.State) { s.Members[1].Pod.Ready = false }, ""},
		"its claim goes":          {func(s *plan.State) { s.Members[2].Claim.Terminating = true }, ""},
		"the template is refused": {func(s *plan.State) { s.Set.Template, s.Wanted.Refused = "t", &plan.Finding{Reason: "r", Message: "m"} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := lame(t)
			s.Set.Template = "mended"
			c.change(&s)
			d := plan.Next(mongodb.Engine{}, s)
			got := ""
			if len(d.Replace) > 0 {
				got = d.Replace[0].Name
			}
			if got != c.next || len(d.Replace) > 1 || d.Shape.WriteTemplate || got != "" && d.Ledger.Members[got].Replacing == "" {
				t.Errorf("replaces %v, shape %+v, plan %+v", d.Replace, d.Shape, d.Plan)
			}
		})
	}
}

// loseVolume has a member's volume be gone, and an empty one in its place.
func loseVolume(s *plan.State, i int) {
	m := &s.Members[i]
	m.Claim.UID, m.Pod.Handmade, m.Pod.Ready, m.Pod.Started = "anew", false, false, false
	m.Pod.UID, m.Pod.Template, m.Pod.Agent = m.Pod.UID+"-anew", "t", "a"
	m.Report = &engine.Report{Member: m.Name, PodUID: m.Pod.UID, Volume: engine.VolumeEmpty}
	for _, o := range s.Members {
		if o.Report != nil && o.Report.Server.Seen != nil {
			o.Report.Server.Seen.Peers[i].Healthy = false
		}
	}
}

// TestALostMemberHoldsAnAdoptionUpNoLongerThanItMust: it counts as a voter that is
// down, and once all others are ours the set goes on like any other that lost one.
func TestALostMemberHoldsAnAdoptionUpNoLongerThanItMust(t *testing.T) {
	s := halfAdopted(t)
	loseVolume(&s, 0)
	d := plan.Next(mongodb.Engine{}, s)
	if len(d.Replace)+len(d.Asks) > 0 || d.Stalled != nil || !strings.Contains(d.Plan.Message, "of whom 1 lost their claims") || !strings.Contains(d.Plan.Message, "AllowDowntime") {
		t.Fatalf("replaces %v, asks %v, stalled %v, plan %+v", d.Replace, d.Asks, d.Stalled, d.Plan)
	}
	s.Wanted.AllowDowntime = true
	s.Members[2].Report.Action = &engine.ActionState{ID: "x", Kind: engine.StepStepDown, Done: true} // db-1 was asked to hand over
	if d = plan.Next(mongodb.Engine{}, s); len(d.Replace) != 1 || d.Replace[0].Name != "db-1" {
		t.Fatalf("replaces %v, plan %+v", d.Replace, d.Plan)
	}

	s = allButOneAdopted(t)
	d = plan.Next(mongodb.Engine{}, s)
	if d.Ledger.Adoption != nil || len(d.Asks) > 0 || d.Ledger.Members["db-0"].ClaimUID != "" {
		t.Fatalf("ledger %+v, asks %v, plan %+v", d.Ledger, d.Asks, d.Plan)
	}
	s.Ledger, s.Epoch = d.Ledger, d.Ledger.Epoch
	d = plan.Next(mongodb.Engine{}, s)
	if d.Plan.Action != engine.StepEvictDead || d.Plan.Member != "db-0" {
		t.Errorf("plan %+v, stalled %v", d.Plan, d.Stalled)
	}
}

// allButOneAdopted is a set that lost the volume of db-0 when the others had been taken
// over.
func allButOneAdopted(t *testing.T) plan.State {
	t.Helper()
	w := newHand()
	w.approved = true
	for range 200 {
		w.effect(&w.managers[0])
		for i := range w.pods {
			w.turn(i)
		}
		if w.handmadeLeft() == 0 && w.healthy(0) && w.healthy(1) && w.healthy(2) {
			break
		}
	}
	if w.ledger.Adoption == nil {
		t.Fatal("the adoption is over")
	}
	w.managers[0].queue = nil
	w.deleteClaim(0)
	w.pods[0].terminating = true
	for range 3 {
		w.turn(0)
	}
	return w.state(&w.managers[0])
}

// TestALeaderIsAskedToHandOverFirst: once, by one that was taken over; what it makes of that
// does not hold the adoption up.
func TestALeaderIsAskedToHandOverFirst(t *testing.T) {
	action := func(of engine.StepKind, done bool, failed string) func(*plan.State) {
		return func(s *plan.State) {
			s.Members[2].Report.Action = &engine.ActionState{ID: "x", Kind: of, Done: done, Error: failed}
		}
	}
	for name, c := range map[string]struct {
		change        func(*plan.State)
		asks, replace string
	}{
		"it leads":                      {func(*plan.State) {}, "StepDown db-2 of db-1", ""},
		"it is being asked":             {action(engine.StepStepDown, false, ""), "", ""},
		"it was asked":                  {action(engine.StepStepDown, true, ""), "", "db-1"},
		"it refused":                    {action(engine.StepStepDown, true, "nobody has caught up"), "", "db-1"},
		"something else was asked":      {action(engine.StepBootstrap, true, ""), "StepDown db-2 of db-1", ""},
		"its replacement was begun":     {func(s *plan.State) { begin(s, "db-1") }, "", "db-1"},
		"another is not healthy":        {func(s *plan.State) { s.Members[2].Report.Server.Seen.Peers[0].Healthy = false }, "", ""},
		"another one leads by now":      {lead(0), "", "db-1"},
		"who was taken over is silent":  {func(s *plan.State) { s.Members[2].Report = nil; s.Members[0].Report = nil }, "", ""},
		"the evictions are not stopped": {func(s *plan.State) { s.Budget.Closed = false }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := allButTheLeader(t)
			c.change(&s)
			d := plan.Next(mongodb.Engine{}, s)
			asks, replace := "", ""
			for _, a := range d.Asks {
				asks += string(a.Kind()) + " " + a.Member + " of " + a.Step.About()
			}
			for _, r := range d.Replace {
				replace += r.Name
			}
			if (asks == "") != (c.asks == "") || asks != "" && !strings.HasSuffix(asks, "of db-1") || replace != c.replace {
				t.Errorf("asks %q, replaces %q, want %q and %q: %+v", asks, replace, c.asks, c.replace, d.Plan)
			}
		})
	}
}

func begin(s *plan.State, name string) {
	e := s.Ledger.Members[name]
	e.Replacing = s.Members[1].Pod.UID
	s.Ledger.Members[name] = e
}

// lead has all that were taken over name another leader.
func lead(of int) func(*plan.State) {
	return func(s *plan.State) {
		for _, m := range s.Members {
			if m.Report == nil || m.Report.Server.Seen == nil {
				continue
			}
			for i := range m.Report.Server.Seen.Peers {
				m.Report.Server.Seen.Peers[i].Leader = i == of
			}
		}
	}
}

// allButTheLeader is a set of which db-1 alone, who leads, is still as it was made by hand.
func allButTheLeader(t *testing.T) plan.State {
	t.Helper()
	s := adoptedUntil(t, "db-1 is the last", func(w *hand) bool {
		return w.handmadeLeft() == 1 && w.pods[1] != nil && w.pods[1].handmade && w.leader == 1 && w.healthy(0) && w.healthy(2) && w.adopted[0] && w.adopted[2]
	})
	s.Epoch = s.Ledger.Epoch
	for name, e := range s.Ledger.Members {
		e.Replacing = ""
		s.Ledger.Members[name] = e
	}
	for i := range s.Members {
		if r := s.Members[i].Report; r != nil {
			r.Action = nil
		}
	}
	return s
}

// TestOnlyAnAgreedVolumeIsAdopted grants to go on with data to those alone whose claims
// the user agreed to, and while they are taken over.
func TestOnlyAnAgreedVolumeIsAdopted(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*plan.State)
		grants bool
	}{
		"agreed":                    {func(*plan.State) {}, true},
		"another claim":             {func(s *plan.State) { s.Members[2].Claim.UID = "other" }, false},
		"the claim goes":            {func(s *plan.State) { s.Members[2].Claim.Terminating = true }, false},
		"the pod goes":              {func(s *plan.State) { s.Members[2].Pod.Terminating = true }, false},
		"the adoption is over":      {func(s *plan.State) { s.Ledger.Adoption = nil }, false},
		"another volume is no data": {func(s *plan.State) { s.Members[2].Report.Volume = engine.VolumeEmpty }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := halfAdopted(t)
			s.Members[2].Report = &engine.Report{Member: "db-2", PodUID: s.Members[2].Pod.UID, Volume: engine.VolumeUnmarked}
			s.Members[2].Pod.Ready, s.Members[2].Pod.Started = false, false
			c.change(&s)
			d := plan.Next(mongodb.Engine{}, s)
			if (len(d.Asks) > 0) != c.grants || len(d.Replace) > 0 {
				t.Fatalf("asks %+v, replaces %v", d.Asks, d.Replace)
			}
			if c.grants && (d.Asks[0].Grant.Kind != engine.GrantAdopt || d.Asks[0].Grant.ClaimUID != "claim-2" || d.Ledger.FormationSize != 3) {
				t.Errorf("asks %+v, founders %d", d.Asks[0].Grant, d.Ledger.FormationSize)
			}
			if name == "the adoption is over" && (d.Stalled == nil || d.Stalled.Reason != v1alpha1.ReasonForeignVolume) {
				t.Errorf("stalled %v", d.Stalled)
			}
		})
	}
}

// TestAnAgentThatCannotStartIsGivenAnotherInAnAdoption: the pods of ours may be older
// than the operator.
func TestAnAgentThatCannotStartIsGivenAnotherInAnAdoption(t *testing.T) {
	s := halfAdopted(t)
	s.Wanted.Agent = "b"
	s.Members[2].Pod.AgentDown, s.Members[2].Report = "a", nil
	d := plan.Next(mongodb.Engine{}, s)
	if len(d.UpgradeAgents) != 1 || d.UpgradeAgents[0].Name != "db-2" || len(d.Replace) > 0 {
		t.Errorf("upgrades %v, replaces %v", d.UpgradeAgents, d.Replace)
	}
}
