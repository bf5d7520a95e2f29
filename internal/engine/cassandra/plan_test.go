// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cassandra

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/layout"
)

// see returns what n members report that know each other, all well, with roles of a
// replication factor.
func see(n, factor int) engine.Observation {
	var have engine.Observation
	view := &engine.View{}
	for i := range n {
		view.Peers = append(view.Peers, engine.Peer{ID: fmt.Sprintf("id-%d", i), Address: fmt.Sprintf("10.0.0.%d", i), Voter: true, Healthy: true})
	}
	for i := range n {
		v := &engine.View{Peers: slices.Clone(view.Peers)}
		have.Members = append(have.Members, engine.MemberObservation{
			Name: fmt.Sprintf("db-%d", i), Ordinal: i, Address: view.Peers[i].Address,
			Report: &engine.Report{Grant: engine.GrantJoin, Server: engine.Server{
				Running: true, Serving: true, Formed: true, ID: view.Peers[i].ID, Version: "5.0.9", View: v, Space: &engine.Space{Data: 64 << 20, Free: 1 << 30},
				Facts: map[string]string{FactRoles: RolesReady, FactFactor: fmt.Sprint(factor), FactMost: fmt.Sprint(factor), FactData: "1"},
			}},
		})
	}
	return have
}

// down has one member say nothing, and the others miss it.
func down(have engine.Observation, i int) engine.Observation {
	have.Members[i].Report = nil
	for _, m := range have.Members {
		if m.Report != nil {
			m.Report.Server.View.Peers[i].Healthy = false
		}
	}
	return have
}

func wanted(n int) engine.Desired {
	var out engine.Desired
	for i := range n {
		out.Members = append(out.Members, fmt.Sprintf("db-%d", i))
	}
	return out
}

// words are a plan's steps in short.
func words(steps []engine.Step) (out []string) {
	for _, s := range steps {
		word := fmt.Sprintf("%s %s", s.Kind, s.Member)
		if s.Subject != "" {
			word += " of " + s.Subject
		}
		if s.Kind == engine.StepLeave && s.SubjectID == "" {
			word += " of whoever it is"
		}
		for _, key := range []string{ParamFactor, ParamMost, ParamRepair, ParamCleanup} {
			if s.Params[key] != "" {
				word += " " + key + "=" + s.Params[key]
			}
		}
		if s.Blocked != "" {
			word += " blocked: " + s.Blocked
		}
		out = append(out, word)
	}
	return out
}

func TestPlan(t *testing.T) {
	lost := wanted(3)
	lost.Lost = map[string][]string{"db-2": {"id-2"}}
	replicas := func(have engine.Observation, n int) engine.Observation {
		for _, m := range have.Members {
			m.Report.Server.Facts[FactData], m.Report.Server.Facts[FactKeyspace] = fmt.Sprint(n), "shop"
		}
		return have
	}
	due := see(3, 3)
	due.Members[0].Report.Server.Facts[FactCleanup] = CleanupDue
	due.Members[1].Report.Server.Facts[FactCleanup] = CleanupDue
	blocked := "Leave db-3 blocked: the keyspace shop has a replication factor of 4, and 3 members would stay: lower it first, or put replicas back"
	blockedDue := replicas(see(4, 3), 4)
	blockedDue.Members[1].Report.Server.Facts[FactCleanup] = CleanupDue
	// cutShort is a change of all keyspaces that was cut short.
	cutShort := func(n, least, most int) engine.Observation {
		have := see(n, least)
		for _, m := range have.Members {
			m.Report.Server.Facts[FactMost] = fmt.Sprint(most)
		}
		return have
	}
	// joining is a ring of which the last has not joined yet, and cannot say who it is.
	joining := func(n int) engine.Observation {
		have := see(n, n-1)
		for _, m := range have.Members {
			m.Report.Server.View.Peers[n-1].Voter = false
			m.Report.Server.View.Peers[n-1].Healthy = false
		}
		have.Members[n-1].Report.Server = engine.Server{Running: true}
		return have
	}
	lostJoiner := wanted(3)
	lostJoiner.Lost = map[string][]string{"db-2": {"id-2"}}
	// misses has members report that one is gone, and others that they were repaired.
	misses := func(have engine.Observation, due []int, done ...int) engine.Observation {
		for _, i := range due {
			have.Members[i].Report.Server.Facts[FactRepair] = RepairDue
		}
		for _, i := range done {
			have.Members[i].Report.Server.Facts[FactRepaired] = RepairDone
		}
		return have
	}
	// heardByOne has db-1 hear one that is lost, and db-0 not.
	heardByOne := down(see(3, 3), 2)
	heardByOne.Members[1].Report.Server.View.Peers[2].Healthy = true
	// rooms gives the members data and room of so many GiB each.
	rooms := func(have engine.Observation, data int64, free ...int64) engine.Observation {
		for i, m := range have.Members {
			m.Report.Server.Space = &engine.Space{Data: data << 30, Free: free[i] << 30}
			m.Report.Server.Facts[FactLargest] = "shop"
		}
		return have
	}
	noRoom := "Leave db-3 blocked: db-1 has about 5Gi free, and needs 6Gi for its share of the 9Gi that db-3 has, most of it in the keyspace shop: raise spec.storage.size, remove data, or put replicas back"
	unmeasured, leaving := rooms(see(4, 3), 9, 6, 6, 6, 0), rooms(see(4, 3), 9, 6, 5, 6, 0)
	unmeasured.Members[2].Report.Server.Space = nil
	leaving.Members[3].Report.Server.Leaving = true
	// oneHeld is a ring of which the last has no room for what it has, and the one before
	// it has nothing.
	oneHeld := rooms(see(4, 2), 9, 9, 5, 0, 0)
	oneHeld.Members[2].Report.Server.Space.Data = 0
	noRoomOfTwo := " blocked: db-1 has about 5Gi free, and needs 9Gi for its share of the 9Gi that db-3 has, most of it in the keyspace shop: raise spec.storage.size, remove data, or put replicas back"
	noRoomOnTheWay := " blocked: db-2 has about 5Gi free, and needs 6Gi for its share of the 9Gi that db-3 has, most of it in the keyspace shop: raise spec.storage.size, remove data, or put replicas back"
	leavesBelow := rooms(see(4, 2), 9, 9, 5, 0, 0)
	leavesBelow.Members[2].Report.Server.Leaving = true
	untold := see(3, 3)
	for _, m := range untold.Members {
		m.Report.Server.Facts[FactFactor] = ""
	}
	differ := see(3, 3)
	differ.Members[1].Report.Server.View.Peers = differ.Members[1].Report.Server.View.Peers[:2]
	pending := see(1, 1)
	pending.Members[0].Report.Grant = engine.GrantForm
	pending.Members[0].Report.Server.View = nil
	pending.Members[0].Report.Server.Facts = map[string]string{FactRoles: RolesPending}
	for name, c := range map[string]struct {
		want engine.Desired
		have engine.Observation
		plan []string
	}{
		"nothing to do":                      {wanted(3), see(3, 3), nil},
		"the roles come first":               {wanted(3), pending, []string{"Bootstrap db-0"}},
		"more replicas, one at a time":       {wanted(3), see(3, 1), []string{"Configure db-0 factor=2"}},
		"no replicas of its own yet":         {wanted(1), cutShort(1, 0, 0), []string{"Configure db-0 factor=1"}},
		"a raise that was cut short":         {wanted(3), cutShort(3, 2, 3), []string{"Configure db-0 factor=3"}},
		"one that was cut short twice":       {wanted(3), cutShort(3, 1, 3), []string{"Configure db-0 factor=2"}},
		"a lowering that was cut short":      {wanted(2), cutShort(3, 2, 3), []string{"Configure db-0 most=2"}},
		"one that is not wanted any more":    {wanted(3), cutShort(3, 2, 3), []string{"Configure db-0 factor=3"}},
		"replicas that nobody says":          {wanted(3), untold, nil},
		"a leave needs fewer replicas first": {wanted(2), see(3, 3), []string{"Configure db-0 most=2"}},
		"as many replicas for one to come":   {wanted(3), see(2, 3), nil},
		"a leave":                            {wanted(2), see(3, 2), []string{"Leave db-2"}},
		"the highest ordinal first":          {wanted(3), see(5, 3), []string{"Leave db-4", "Leave db-3"}},
		"not below the users' replicas":      {wanted(3), replicas(see(4, 3), 4), []string{blocked}},
		"not below theirs, nor its own":      {wanted(2), replicas(see(3, 3), 3), []string{"Leave db-2 blocked: the keyspace shop has a replication factor of 3, and 2 members would stay: lower it first, or put replicas back"}},
		"a cleanup beside what is blocked":   {wanted(3), blockedDue, []string{blocked, "Configure db-1 cleanup=true"}},
		"as low as the users' replicas":      {wanted(3), replicas(see(4, 3), 3), []string{"Leave db-3"}},
		"one that joins and is not wanted":   {wanted(2), joining(3), []string{"Leave db-2 of whoever it is"}},
		"one that was joining and is lost":   {lostJoiner, joining(3), nil},
		"room for what one has":              {wanted(3), rooms(see(4, 3), 9, 6, 6, 6, 0), []string{"Leave db-3"}},
		"no room for what one has":           {wanted(3), rooms(see(4, 3), 9, 6, 5, 6, 0), []string{noRoom}},
		"room that is not known":             {wanted(3), unmeasured, []string{"Leave db-3 blocked: how much room db-2 has is not known yet"}},
		"none before one that is held":       {wanted(2), oneHeld, []string{"Leave db-3" + noRoomOfTwo, "Leave db-2" + noRoomOfTwo}},
		"but one that leaves already":        {wanted(2), leavesBelow, []string{"Leave db-3" + noRoomOfTwo, "Leave db-2"}},
		"room where it will stay":            {wanted(2), rooms(see(4, 2), 9, 9, 9, 6, 6), []string{"Leave db-3", "Leave db-2"}},
		"none on the way there":              {wanted(2), rooms(see(4, 2), 9, 9, 9, 5, 0), []string{"Leave db-3" + noRoomOnTheWay, "Leave db-2" + noRoomOnTheWay}},
		"one that leaves already":            {wanted(3), leaving, []string{"Leave db-3"}},
		"no fewer copies while it is held":   {wanted(2), rooms(see(3, 3), 9, 6, 6, 0), []string{"Leave db-2 blocked: db-0 has about 6Gi free, and needs 9Gi for its share of the 9Gi that db-2 has, most of it in the keyspace shop: raise spec.storage.size, remove data, or put replicas back"}},
		"silence is not loss":                {wanted(3), down(see(3, 3), 2), nil},
		"a lost identity":                    {lost, down(see(3, 3), 2), []string{"EvictDead db-0 of db-2"}},
		"one that a single member hears":     {lost, heardByOne, nil},
		"a repair, who came later first":     {wanted(3), misses(see(3, 3), []int{0, 1}), []string{"Configure db-2 repair=true"}},
		"then who knows that it is due":      {wanted(3), misses(see(3, 3), []int{0, 1}, 2), []string{"Configure db-0 repair=true"}},
		"and the last of them":               {wanted(3), misses(see(3, 3), []int{1}, 0, 2), []string{"Configure db-1 repair=true"}},
		"no repair where none is due":        {wanted(3), misses(see(3, 3), nil, 1), nil},
		"no repair while one is to come":     {wanted(3), misses(see(2, 2), []int{0, 1}), nil},
		"a lost identity that is heard":      {lost, see(3, 3), nil},
		"a cleanup, one at a time":           {wanted(3), due, []string{"Configure db-0 cleanup=true"}},
		"no cleanup while one is to come":    {wanted(4), due, nil},
		"members that say otherwise":         {wanted(2), differ, nil},
		"a minority that reports":            {wanted(2), down(down(see(3, 2), 0), 1), nil},
		"nobody reports":                     {wanted(3), engine.Observation{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.plan, words(Engine{}.Plan(c.want, c.have))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The member of the highest number leaves first, also where the names of racks sort
// otherwise: a StatefulSet can be shrunk by no other.
func TestWithRacksTheHighestNumberLeavesFirst(t *testing.T) {
	have, names := see(4, 3), layout.New("db", "z", "a")
	for i := range have.Members {
		have.Members[i].Name = names.Member(int32(i))
	}
	want := engine.Desired{Members: []string{names.Member(0), names.Member(1), names.Member(2)}}
	if diff := cmp.Diff([]string{"Leave db-rack-a-1"}, words(Engine{}.Plan(want, have))); diff != "" {
		t.Error(diff)
	}
	a := Engine{}.Assess(have)
	for i, p := range a.Peers {
		if p.Name != names.Member(int32(i)) {
			t.Errorf("peer %d is %s, want %s", i, p.Name, names.Member(int32(i)))
		}
	}
}

// What a member has goes to the others of its rack, as long as there are any.
func TestWithRacksTheRoomIsInTheSameRack(t *testing.T) {
	for name, c := range map[string]struct {
		size, want int
		free       []int64
		blocked    string
	}{
		"room in its rack":        {6, 5, []int64{99, 99, 9, 99, 99, 0}, ""},
		"no room in its rack":     {6, 5, []int64{99, 99, 8, 99, 99, 0}, "db-rack-c-0 has about 8Gi free, and needs 9Gi"},
		"little room elsewhere":   {6, 5, []int64{2, 2, 9, 2, 2, 0}, ""},
		"too little elsewhere":    {6, 5, []int64{2, 1, 9, 2, 2, 0}, "db-rack-b-0 has about 1Gi free, and needs 1932735283"},
		"the last of its rack":    {3, 2, []int64{5, 5, 0}, ""},
		"no room in other racks":  {3, 2, []int64{5, 4, 0}, "db-rack-b-0 has about 4Gi free, and needs 4608Mi"},
		"two of a rack stay":      {7, 6, []int64{5, 2, 2, 5, 2, 2, 0}, ""},
		"another rack by numbers": {7, 6, []int64{5, 2, 2, 4, 2, 2, 0}, "db-rack-a-1 has about 4Gi free"},
	} {
		have, names, want := see(c.size, min(3, c.want)), layout.New("db", "a", "b", "c"), engine.Desired{}
		for i := range have.Members {
			m := &have.Members[i]
			m.Name, m.Rack = names.Member(int32(i)), names.Rack(int32(i))
			m.Report.Server.Space = &engine.Space{Data: 9 << 29, Free: c.free[i] << 30}
			if i < c.want {
				want.Members = append(want.Members, m.Name)
			}
		}
		steps := Engine{}.Plan(want, have)
		if len(steps) == 0 || steps[0].Kind != engine.StepLeave || !strings.HasPrefix(steps[0].Blocked, c.blocked) || (steps[0].Blocked == "") != (c.blocked == "") {
			t.Errorf("%s: %v, want one blocked by %q", name, words(steps), c.blocked)
		}
	}
}

func TestAssess(t *testing.T) {
	joining := see(3, 3)
	for _, m := range joining.Members {
		m.Report.Server.View.Peers[2].Voter = false
	}
	missed := see(3, 3)
	missed.Members[0].Report.Server.View.Peers[2].Healthy = false
	for name, c := range map[string]struct {
		have           engine.Observation
		known, serving bool
		tolerance      int
	}{
		"all well":                      {see(3, 3), true, true, 1},
		"of six one may be down":        {see(6, 3), true, true, 1},
		"of two none may":               {see(2, 2), true, true, 0},
		"one down":                      {down(see(3, 3), 1), true, true, 0},
		"two of six down":               {down(down(see(6, 3), 1), 4), true, false, 0},
		"one that joins does not count": {joining, true, true, 0},
		"one that somebody misses":      {missed, true, true, 0},
		"a minority":                    {down(down(see(3, 3), 1), 0), false, false, 0},
	} {
		a := Engine{}.Assess(c.have)
		if a.Known != c.known || a.Serving != c.serving || a.Tolerance != c.tolerance || !a.Known && a.Why == "" {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if a := (Engine{}).Assess(see(2, 2)); a.Peers[1].Name != "db-1" {
		t.Errorf("the members are not named by their addresses: %+v", a.Peers)
	}
	if steps := (Engine{}).Plan(wanted(9), see(12, 3)); len(steps) == 0 || steps[0].Member != "db-11" {
		t.Errorf("of twelve members leave %v, want the last first", words(steps))
	}
}

func TestUpgrade(t *testing.T) {
	for wanted, allowed := range map[string]bool{"5.0": true, "5.0.10": true, "5.1.0": false, "4.1.3": false} {
		err := Engine{}.Upgrade(engine.Server{Version: "5.0.9"}, wanted)
		if (err == nil) != allowed || err != nil && !strings.Contains(err.Error(), wanted) {
			t.Errorf("5.0.9 to %s: %v", wanted, err)
		}
	}
}
