// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quorate/quorate/internal/engine"
)

// wanted is the membership of the first n.
func wanted(n int) engine.Desired {
	want := engine.Desired{Lost: map[string][]string{}}
	for i := range n {
		want.Members = append(want.Members, fmt.Sprintf("db-%d", i))
	}
	return want
}

// leading has only the named lead.
func leading(want engine.Desired, names ...string) engine.Desired {
	want.Lead = names
	return want
}

// line is a step in a few words.
func line(s engine.Step) string {
	out := fmt.Sprintf("%s %s", s.Kind, s.Member)
	if s.Subject != "" {
		out += " about " + s.Subject
	}
	if s.SubjectID != "" {
		out += " " + s.SubjectID
	}
	for _, key := range []string{ParamQuorum, ParamPrefer} {
		if v := s.Params[key]; v != "" {
			out += fmt.Sprintf(" %s=%s", key, v)
		}
	}
	if s.Cost.Membership {
		out += fmt.Sprintf(" costs %d", s.Cost.Voters)
	}
	return out
}

func lines(steps []engine.Step) []string {
	var out []string
	for _, s := range steps {
		out = append(out, line(s))
	}
	return out
}

func TestPlan(t *testing.T) {
	lost := func(n int, name, id string) engine.Desired {
		want := wanted(n)
		want.Lost[name] = []string{id}
		return want
	}
	for name, c := range map[string]struct {
		want engine.Desired
		have *world
		plan []string
	}{
		"as wanted": {wanted(3), makeWorld(3), nil},
		"bootstrap": {wanted(3), func() *world {
			w := makeWorld(3)
			for i := range 3 {
				w.server(i).Facts, w.server(i).View, w.server(i).Term = map[string]string{FactACL: ACLPending}, nil, 0
			}
			return w
		}(), []string{"Bootstrap db-0"}},
		"no bootstrap without a leader": {wanted(3), func() *world {
			w := makeWorld(3)
			w.server(0).Facts, w.server(0).Leader = map[string]string{FactACL: ACLPending}, false
			return w
		}(), nil},
		"no bootstrap with two leaders": {wanted(3), func() *world {
			w := makeWorld(3).lead(1, 5, 3)
			w.server(0).Facts, w.server(1).Facts = map[string]string{FactACL: ACLPending}, map[string]string{FactACL: ACLPending}
			return w
		}(), nil},
		"autopilot for the wanted size": {wanted(5), makeWorld(3), []string{"Configure db-0 minQuorum=3"}},
		"autopilot may evict": {wanted(3), func() *world { w := makeWorld(3); w.server(0).Facts[FactCleanup] = "true"; return w }(),
			[]string{"Configure db-0 minQuorum=2"}},
		"highest ordinal first": {wanted(3), makeWorld(5), []string{
			"Configure db-0 minQuorum=2", "Leave db-4 id-4 costs 1", "Leave db-3 id-3 costs 1"}},
		"the leader steps down before it leaves": {wanted(3), makeWorld(4).lead(3, 6, 4), []string{
			"Configure db-3 minQuorum=2", "StepDown db-3 prefer=db-0,db-1,db-2", "Leave db-3 id-3 costs 1"}},
		"one that may not lead": {leading(wanted(3), "db-2", "db-1"), makeWorld(3), []string{"StepDown db-0 prefer=db-1,db-2"}},
		"one that may lead":     {leading(wanted(3), "db-0", "db-1"), makeWorld(3), nil},
		"no heir that is healthy": {leading(wanted(3), "db-1"), func() *world { w := makeWorld(3); w.server(1).Serving = false; return w }(),
			nil},
		"no heir that is heard": {leading(wanted(3), "db-1"), makeWorld(3).silence(1), nil},
		"no heir that votes": {leading(wanted(3), "db-1"), func() *world { w := makeWorld(3); w.view().Peers[1].Voter = false; return w }(),
			nil},
		"no heir that stays": {leading(wanted(3), "db-3"), makeWorld(4), []string{
			"Configure db-0 minQuorum=2", "Leave db-3 id-3 costs 1"}},
		"only the healthy heirs": {leading(wanted(3), "db-1", "db-2"), makeWorld(3).silence(1), []string{"StepDown db-0 prefer=db-2"}},
		"the lead before the leaves": {leading(wanted(3), "db-1"), makeWorld(4), []string{
			"Configure db-0 minQuorum=2", "StepDown db-0 prefer=db-1", "Leave db-3 id-3 costs 1"}},
		"the lead after the evictions": {leading(lost(3, "db-2", "id-2"), "db-1"), makeWorld(3).silence(2), []string{
			"EvictDead db-0 about db-2 id-2 costs 0", "StepDown db-0 prefer=db-1"}},
		"a leader that leaves and may not lead": {leading(wanted(3), "db-1"), makeWorld(4).lead(3, 6, 4), []string{
			"Configure db-3 minQuorum=2", "StepDown db-3 prefer=db-1", "Leave db-3 id-3 costs 1"}},
		"a leader that leaves and may lead": {leading(wanted(3), "db-3"), makeWorld(4).lead(3, 6, 4), []string{
			"Configure db-3 minQuorum=2", "StepDown db-3 prefer=db-0,db-1,db-2", "Leave db-3 id-3 costs 1"}},
		"one that does not vote costs nothing": {wanted(3), func() *world {
			w := makeWorld(4)
			w.view().Peers[3].Voter = false
			w.server(0).Facts[FactQuorum] = "2"
			return w
		}(), []string{"Leave db-3 id-3 costs 0"}},
		"a silent one does not leave":    {wanted(3), makeWorld(4).silence(3), []string{"Configure db-0 minQuorum=2"}},
		"a silent one is not evicted":    {wanted(3), makeWorld(3).silence(2), nil},
		"a stopped one does not leave":   {wanted(4), makeWorld(4).stop(3), nil},
		"nothing while nothing is known": {wanted(1), makeWorld(3).silence(0), nil},
		"nothing during an election":     {wanted(1), func() *world { w := makeWorld(3); w.server(2).Term = 6; return w }(), nil},
		"one that was left behind": {lost(3, "db-3", "id-3"), makeWorld(4).stop(3).leaving(3), []string{
			"Configure db-0 minQuorum=2", "EvictDead db-0 about db-3 id-3 costs 0"}},
		"lost and not replaced": {lost(3, "db-2", "id-2"), makeWorld(3).silence(2), []string{"EvictDead db-0 about db-2 id-2 costs 0"}},
		"lost and replaced": {lost(3, "db-2", "id-2"), func() *world { w := makeWorld(3); w.server(2).ID = "new"; return w }(),
			[]string{"EvictDead db-0 about db-2 id-2 costs 0"}},
		"lost and nameless": {lost(3, "db-2", "id-2"), func() *world {
			w := makeWorld(3).silence(2)
			w.view().Peers[2].Name, w.view().Peers[2].Address = "", ""
			return w
		}(), []string{"EvictDead db-0 about db-2 id-2 costs 0"}},
		"lost and not wanted": {lost(3, "db-3", "id-3"), makeWorld(4).silence(3), []string{
			"Configure db-0 minQuorum=2", "EvictDead db-0 about db-3 id-3 costs 0"}},
		"called lost, but it lives":  {lost(3, "db-2", "id-2"), makeWorld(3), nil},
		"another identity is lost":   {lost(3, "db-2", "id-9"), makeWorld(3).silence(2), nil},
		"another identity, not lost": {wanted(3), func() *world { w := makeWorld(3); w.server(2).ID = "new"; return w }(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			steps := Engine{}.Plan(c.want, c.have.have)
			if diff := cmp.Diff(c.plan, lines(steps)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			term := Engine{}.Assess(c.have.have).Term
			for _, s := range steps {
				if s.Term != term || s.Why == "" {
					t.Errorf("%s is planned for term %d, want %d, because %q", s.Kind, s.Term, term, s.Why)
				}
				if wants := s.Kind == engine.StepBootstrap; (len(s.Secrets) > 0) != wants {
					t.Errorf("%s takes the secrets %v", s.Kind, s.Secrets)
				}
			}
		})
	}
}

func (w *world) stop(i int) *world {
	s := w.server(i)
	*s = engine.Server{ID: s.ID}
	return w
}

func (w *world) leaving(i int) *world {
	w.have.Members[i].Report.Volume = engine.VolumeLeaving
	return w
}

// model is a set of servers as far as steps can change it.
type model struct {
	identity map[string]string // of each running server
	peers    []engine.Peer
	leader   string
	term     uint64
	acl      bool
	quorum   int
	silent   map[string]bool
	leaving  map[string]bool
	made     int
}

func newModel(n int) *model {
	m := &model{identity: map[string]string{}, silent: map[string]bool{}, leaving: map[string]bool{}, leader: "db-0", term: 2}
	for i := range n {
		m.start(fmt.Sprintf("db-%d", i))
	}
	return m
}

// start is what the core's grant does: the server comes up and is added.
func (m *model) start(name string) {
	m.made++
	id := fmt.Sprintf("id-%d", m.made)
	m.identity[name] = id
	m.peers = append(m.peers, engine.Peer{ID: id, Name: name, Voter: true, Healthy: true})
}

func (m *model) observe() engine.Observation {
	var have engine.Observation
	for i := range maxReplicas {
		name := fmt.Sprintf("db-%d", i)
		o := engine.MemberObservation{Name: name, Ordinal: i}
		id, runs := m.identity[name]
		if !m.silent[name] && (runs || m.leaving[name]) {
			o.Report = &engine.Report{Volume: engine.VolumeMember, Server: engine.Server{ID: id}}
			if m.leaving[name] {
				o.Report.Volume = engine.VolumeLeaving
			}
			if runs {
				o.Report.Server = m.server(name, id)
			}
		}
		have.Members = append(have.Members, o)
	}
	return have
}

func (m *model) server(name, id string) engine.Server {
	s := engine.Server{Running: true, Serving: true, Formed: true, ID: id, Term: m.term, Facts: map[string]string{FactACL: ACLPending}}
	if m.acl {
		s.Facts[FactACL] = ACLReady
	}
	if s.Leader = name == m.leader; s.Leader && m.acl {
		s.Facts[FactQuorum], s.Facts[FactCleanup] = fmt.Sprint(m.quorum), "false"
		s.View = &engine.View{Peers: slices.Clone(m.peers), Tolerance: (len(m.peers) - 1) / 2}
	}
	return s
}

// do is what the agents do, as seen in the set.
func (m *model) do(t fataler, s engine.Step) {
	switch s.Kind {
	case engine.StepBootstrap:
		m.acl = true
	case engine.StepConfigure:
		if _, err := fmt.Sscan(s.Params[ParamQuorum], &m.quorum); err != nil {
			t.Fatalf("%s: %v", line(s), err)
		}
	case engine.StepStepDown:
		prefer := strings.Split(s.Params[ParamPrefer], ",")
		m.term++
		m.leader = prefer[0]
	case engine.StepLeave, engine.StepEvictDead:
		before := len(m.peers)
		m.peers = slices.DeleteFunc(m.peers, func(p engine.Peer) bool { return p.ID == s.SubjectID })
		if before-len(m.peers) != 1 {
			t.Fatalf("%s removed %d", line(s), before-len(m.peers))
		}
		if s.Kind == engine.StepLeave {
			if s.About() == m.leader {
				t.Fatalf("%s takes the leader out", line(s))
			}
			m.leaving[s.About()] = true
			delete(m.identity, s.About())
		}
	}
}

type fataler interface{ Fatalf(string, ...any) }

// converge does the first planned step until there is none.
func (m *model) converge(t fataler, want engine.Desired) []string {
	var done []string
	for range 50 {
		steps := Engine{}.Plan(want, m.observe())
		if len(steps) == 0 {
			return done
		}
		done = append(done, line(steps[0]))
		m.do(t, steps[0])
	}
	t.Fatalf("no end after %v", done)
	return nil
}

func TestConverge(t *testing.T) {
	m := newModel(3)
	check := func(want engine.Desired, expect ...string) {
		t.Helper()
		if diff := cmp.Diff(expect, m.converge(t, want)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	check(wanted(3), "Bootstrap db-0", "Configure db-0 minQuorum=2")
	m.start("db-3")
	check(wanted(4), "Configure db-0 minQuorum=3")
	m.start("db-4")
	check(wanted(5))
	m.leader, m.term = "db-4", 7
	check(leading(wanted(5), "db-2", "db-3"), "StepDown db-4 prefer=db-2,db-3")
	m.leader, m.term = "db-4", 9
	check(wanted(3), "Configure db-4 minQuorum=2", "StepDown db-4 prefer=db-0,db-1,db-2",
		"Leave db-4 id-5 costs 1", "Leave db-3 id-4 costs 1")
	// The volume of db-1 goes, and a new one takes the place.
	lost := wanted(3)
	lost.Lost["db-1"] = []string{"id-2"}
	delete(m.identity, "db-1")
	check(lost, "EvictDead db-0 about db-1 id-2 costs 0")
	m.start("db-1")
	check(lost)
	// The last one left holds on to what is silent.
	m.silent["db-2"] = true
	check(wanted(1), "Configure db-0 minQuorum=1", "Leave db-1 id-6 costs 1")
	m.silent["db-2"] = false
	check(wanted(1), "Leave db-2 id-3 costs 1")
	check(wanted(1))
}

// TestConvergeProperty changes sizes, silences and losses at will, and checks
// every step of the plan: nobody wanted leaves, nobody is evicted who is not
// lost, and with all members heard the membership ends as wanted.
func TestConvergeProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(rapid.IntRange(1, 5).Draw(t, "founders"))
		m.converge(t, wanted(len(m.peers)))
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			n := rapid.IntRange(1, 7).Draw(t, "size")
			want := wanted(n)
			for _, p := range m.peers {
				m.silent[p.Name] = p.Name != m.leader && rapid.IntRange(0, 3).Draw(t, "silent "+p.Name) == 0
			}
			victim := rapid.SampledFrom(m.peers).Draw(t, "victim")
			if victim.Name != m.leader && rapid.Bool().Draw(t, "lost") {
				want.Lost[victim.Name] = []string{victim.ID}
				delete(m.identity, victim.Name)
			}
			for steps := (Engine{}).Plan(want, m.observe()); len(steps) > 0; steps = (Engine{}).Plan(want, m.observe()) {
				checkSteps(t, want, m, steps)
				m.do(t, steps[0])
			}
			m.silent = map[string]bool{}
			m.converge(t, want)
			for _, p := range m.peers {
				if !want.Wants(p.Name) {
					t.Fatalf("%s stays at size %d: %+v", p.Name, n, m.peers)
				}
			}
			for _, name := range want.Members {
				if _, runs := m.identity[name]; !runs {
					m.leaving[name] = false
					m.start(name)
				}
			}
		}
	})
}

func checkSteps(t *rapid.T, want engine.Desired, m *model, steps []engine.Step) {
	for _, s := range steps {
		switch s.Kind {
		case engine.StepLeave:
			if want.Wants(s.About()) || m.silent[s.About()] {
				t.Fatalf("%s, wanted %v, silent %v", line(s), want.Wants(s.About()), m.silent[s.About()])
			}
		case engine.StepEvictDead:
			if !slices.Contains(want.Lost[s.Subject], s.SubjectID) || m.identity[s.Subject] == s.SubjectID {
				t.Fatalf("%s, lost %v", line(s), want.Lost)
			}
		}
		if m.silent[s.Member] {
			t.Fatalf("%s is asked of a silent member", line(s))
		}
	}
}
