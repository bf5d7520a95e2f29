// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/engine"
)

// world builds observations: n members of a formed and bootstrapped set, all
// healthy, the first one leading in term 5.
type world struct{ have engine.Observation }

func makeWorld(n int) *world {
	w := &world{}
	for i := range n {
		w.have.Members = append(w.have.Members, engine.MemberObservation{
			Name: fmt.Sprintf("db-%d", i), Ordinal: i, Address: fmt.Sprintf("10.96.0.%d", i+10),
			Report: &engine.Report{
				Member: fmt.Sprintf("db-%d", i), Volume: engine.VolumeMember,
				Server: engine.Server{
					Running: true, Serving: true, Formed: true, ID: fmt.Sprintf("id-%d", i),
					Role: "follower", Term: 5, Facts: map[string]string{FactACL: ACLReady},
				},
			},
		})
	}
	return w.lead(0, 5, n)
}

// lead has a member lead with a view of the first n, all of them healthy.
func (w *world) lead(i int, term uint64, n int) *world {
	s := w.server(i)
	s.Leader, s.Role, s.Term = true, "leader", term
	s.Facts[FactQuorum], s.Facts[FactCleanup] = fmt.Sprint(engine.Majority(n)), "false"
	s.View = &engine.View{Tolerance: (n - 1) / 2}
	for j := range n {
		s.View.Peers = append(s.View.Peers, engine.Peer{
			ID: fmt.Sprintf("id-%d", j), Name: fmt.Sprintf("db-%d", j), Address: fmt.Sprintf("10.96.0.%d:8300", j+10),
			Voter: true, Healthy: true, Leader: i == j,
		})
	}
	return w
}

func (w *world) server(i int) *engine.Server { return &w.have.Members[i].Report.Server }

func (w *world) view() *engine.View { return w.server(0).View }

func (w *world) silence(members ...int) *world {
	for _, i := range members {
		w.have.Members[i].Report = nil
	}
	return w
}

func TestAssess(t *testing.T) {
	type summary struct {
		Known, Formed, Usable bool
		Leader                string
		Tolerance             int
		Why                   string
	}
	for name, c := range map[string]struct {
		have *world
		want summary
	}{
		"all well": {makeWorld(3), summary{Known: true, Formed: true, Usable: true, Leader: "db-0", Tolerance: 1}},
		"nobody":   {&world{}, summary{Why: "no member reports that it leads"}},
		"all silent": {makeWorld(3).silence(0, 1, 2),
			summary{Why: "no member reports that it leads"}},
		"leader silent": {makeWorld(3).silence(0),
			summary{Formed: true, Why: "no member reports that it leads"}},
		"follower silent": {makeWorld(3).silence(2),
			summary{Known: true, Formed: true, Usable: true, Leader: "db-0"}},
		"two followers of five silent": {makeWorld(5).silence(3, 4),
			summary{Known: true, Formed: true, Usable: true, Leader: "db-0"}},
		"an old leader that does not know": {makeWorld(3).lead(1, 6, 3),
			summary{Known: true, Formed: true, Usable: true, Leader: "db-1", Tolerance: 1}},
		"two leaders of one term": {makeWorld(3).lead(1, 5, 3),
			summary{Formed: true, Why: "both db-0 and db-1 report that they lead"}},
		"two old leaders and a new one": {makeWorld(3).lead(1, 5, 3).lead(2, 6, 3),
			summary{Known: true, Formed: true, Usable: true, Leader: "db-2", Tolerance: 1}},
		"an election is under way": {func() *world { w := makeWorld(3); w.server(2).Term = 6; return w }(),
			summary{Formed: true, Leader: "db-0", Why: "db-2 has seen a later term than db-0, which leads in term 5"}},
		"a later term of one who is no member": {func() *world {
			w := makeWorld(3)
			w.server(2).Term, w.server(2).ID = 9, "another"
			return w
		}(), summary{Known: true, Formed: true, Usable: true, Leader: "db-0"}},
		"a leader without a quorum": {func() *world { w := makeWorld(3); w.server(0).View = nil; return w }(),
			summary{Formed: true, Leader: "db-0", Why: "db-0 leads but could not confirm it with a quorum"}},
		"before the bootstrap": {func() *world {
			w := makeWorld(3)
			w.server(0).Facts, w.server(0).View = map[string]string{FactACL: ACLPending}, nil
			return w
		}(), summary{Formed: true, Leader: "db-0", Why: "access control is not bootstrapped yet"}},
		"a leader that stopped": {func() *world { w := makeWorld(3); w.server(0).Running = false; return w }(),
			summary{Formed: true, Why: "no member reports that it leads"}},
		"the engine's figure is lower": {func() *world { w := makeWorld(3); w.view().Tolerance = 0; return w }(),
			summary{Known: true, Formed: true, Usable: true, Leader: "db-0"}},
		"a follower that does not serve": {func() *world { w := makeWorld(3); w.server(1).Serving = false; return w }(),
			summary{Known: true, Formed: true, Usable: true, Leader: "db-0"}},
		"one of four does not vote": {func() *world { w := makeWorld(4); w.view().Peers[3].Voter = false; return w }(),
			summary{Known: true, Formed: true, Usable: true, Leader: "db-0", Tolerance: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			a := Engine{}.Assess(c.have.have)
			got := summary{a.Known, a.Formed, a.Usable, a.Leader, a.Tolerance, a.Why}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if a.Known != a.Serving || (!a.Known && a.Peers != nil) {
				t.Errorf("known %v, serving %v, peers %v", a.Known, a.Serving, a.Peers)
			}
		})
	}
}

func TestAssessPeers(t *testing.T) {
	w := makeWorld(4)
	peers := w.view().Peers
	peers[1].Name = ""                                         // named by its identity
	peers[2].Name, peers[2].ID = "", "lost"                    // named by its address
	peers[3].Name, peers[3].ID, peers[3].Address = "", "x", "" // not to be named
	got := Engine{}.Assess(w.have).Peers
	var lines []string
	for _, p := range got {
		lines = append(lines, fmt.Sprintf("%s %s healthy=%v", p.Name, p.ID, p.Healthy))
	}
	want := " x healthy=false\ndb-0 id-0 healthy=true\ndb-1 id-1 healthy=true\ndb-2 lost healthy=false"
	if diff := cmp.Diff(want, strings.Join(lines, "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if w.view().Peers[1].Name != "" {
		t.Error("the report was changed")
	}
}
