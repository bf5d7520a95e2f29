// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/engine"
)

// scene is a set as its members report it, in few words.
type scene struct {
	members []engine.MemberObservation
}

// members returns one whose members are written as role, vote and number: P primary,
// S secondary, s one that has not caught up, D down, each with v or without; the
// first is db-0. Members beyond are "e" for an empty server and "-" for silence.
func members(words ...string) *scene {
	sc := &scene{}
	var view engine.View
	for i, w := range words {
		name := "db-" + strconv.Itoa(i)
		m := engine.MemberObservation{Name: name, Ordinal: i}
		switch w[0] {
		case '-':
		case 'e':
			m.Report = &engine.Report{Volume: engine.VolumeMember, Grant: engine.GrantJoin, Server: engine.Server{
				Running: true, Facts: map[string]string{FactUsers: UsersPending, FactHost: name + ".db.ns.svc:27017"},
			}}
		default:
			p := engine.Peer{ID: strconv.Itoa(10 + i), Name: name, Voter: strings.Contains(w, "v"), Leader: w[0] == 'P', Healthy: w[0] == 'P' || w[0] == 'S'}
			view.Peers = append(view.Peers, p)
			if w[0] == 'D' {
				break
			}
			m.Report = &engine.Report{Volume: engine.VolumeMember, Server: engine.Server{
				Running: true, Formed: true, Serving: p.Healthy, Leader: p.Leader, Set: "a", ID: p.ID, Term: 1<<32 | 7, Version: "8.0.4",
				Facts: map[string]string{FactUsers: UsersReady, FactFeatures: "8.0"},
			}}
		}
		sc.members = append(sc.members, m)
	}
	for i := range sc.members {
		if r := sc.members[i].Report; r != nil && r.Server.Leader {
			r.Server.View = &view
		}
	}
	return sc
}

func (s *scene) observed() engine.Observation { return engine.Observation{Members: s.members} }

// with changes the report of a member.
func (s *scene) with(i int, change func(*engine.Report)) *scene {
	change(s.members[i].Report)
	return s
}

func wanted(n int) engine.Desired {
	var d engine.Desired
	for i := range n {
		d.Members = append(d.Members, "db-"+strconv.Itoa(i))
	}
	return d
}

// told writes steps as "Kind Subject by Member".
func told(steps []engine.Step) []string {
	out := []string{}
	for _, s := range steps {
		text := fmt.Sprintf("%s %s", s.Kind, s.About())
		for _, k := range slices.Sorted(maps.Keys(s.Params)) {
			text += fmt.Sprintf(" %s=%s", k, s.Params[k])
		}
		if s.Member != s.About() {
			text += " by " + s.Member
		}
		if s.Cost.Voters > 0 {
			text += " costs a voter"
		}
		out = append(out, text)
	}
	return out
}

func TestPlan(t *testing.T) {
	lost := func(d engine.Desired, name, id string) engine.Desired {
		d.Lost = map[string][]string{name: {id}}
		return d
	}
	lead := func(d engine.Desired, names ...string) engine.Desired { d.Lead = names; return d }
	burned := func(d engine.Desired) engine.Desired { d.BurnedIn = true; return d }
	old := func(r *engine.Report) { r.Server.Facts[FactFeatures] = "7.0" }
	form := func(r *engine.Report) { r.Grant = engine.GrantForm }
	for name, c := range map[string]struct {
		want engine.Desired
		have *scene
		plan []string
	}{
		"at rest":                                  {wanted(3), members("Pv", "Sv", "Sv"), nil},
		"initiate":                                 {wanted(3), members("e", "-", "-").with(0, form), []string{"Bootstrap db-0 phase=initiate"}},
		"nobody granted":                           {wanted(3), members("e", "e", "e"), nil},
		"a peer holds a configuration":             {wanted(3), members("e", "Sv", "-").with(0, form), nil},
		"a peer is being synced":                   {wanted(3), members("e", "e").with(0, form).with(1, func(r *engine.Report) { r.Server.Formed = true }), nil},
		"users":                                    {wanted(3), members("Pv").with(0, func(r *engine.Report) { r.Server.Facts[FactUsers], r.Server.View = UsersPending, nil }), []string{"Bootstrap db-0 phase=users"}},
		"join":                                     {wanted(3), members("Pv", "e", "e"), []string{"Join db-1 host=db-1.db.ns.svc:27017 by db-0", "Join db-2 host=db-2.db.ns.svc:27017 by db-0"}},
		"join of another set's":                    {wanted(2), members("Pv", "e").with(1, func(r *engine.Report) { r.Server.Set = "b" }), nil},
		"join of one that was brought back":        {wanted(2), members("Pv", "e").with(1, func(r *engine.Report) { r.Server.Set, r.Server.Formed = "a", true }), []string{"Join db-1 host=db-1.db.ns.svc:27017 by db-0"}},
		"not yet caught up":                        {wanted(3), members("Pv", "s", "e"), []string{"Join db-2 host=db-2.db.ns.svc:27017 by db-0"}},
		"promote before join":                      {wanted(3), members("Pv", "S", "e"), []string{"Promote db-1 by db-0", "Join db-2 host=db-2.db.ns.svc:27017 by db-0"}},
		"promote by ordinal":                       {wanted(3), members("Pv", "S", "S"), []string{"Promote db-1 by db-0", "Promote db-2 by db-0"}},
		"evict":                                    {lost(wanted(3), "db-2", "12"), members("Pv", "Sv", "Dv"), []string{"EvictDead db-2 by db-0"}},
		"not whom a server runs as":                {lost(wanted(3), "db-2", "12"), members("Pv", "Sv", "sv"), nil},
		"down is not lost":                         {wanted(3), members("Pv", "Sv", "Dv"), nil},
		"silent is not lost":                       {wanted(3), members("Pv", "Sv", "Dv"), nil},
		"shrink: the vote first":                   {wanted(3), members("Pv", "Sv", "Sv", "Sv", "S"), []string{"Leave db-4 by db-0", "Demote db-3 by db-0 costs a voter"}},
		"shrink: the primary":                      {wanted(2), members("Sv", "Sv", "Pv"), []string{"StepDown db-2"}},
		"shrink: one that is down":                 {wanted(2), members("Pv", "Sv", "Dv"), []string{"Demote db-2 by db-0"}},
		"another shall lead":                       {lead(wanted(3), "db-1", "db-2"), members("Pv", "Sv", "sv"), []string{"StepDown db-0"}},
		"nobody who may lead could":                {lead(wanted(3), "db-1"), members("Pv", "sv", "Sv"), nil},
		"all at once, in order":                    {lost(lead(wanted(3), "db-1"), "db-2", "12"), members("Pv", "Sv", "Dv", "S"), []string{"EvictDead db-2 by db-0", "StepDown db-0", "Leave db-3 by db-0"}},
		"finalize":                                 {burned(wanted(3)), members("Pv", "Sv", "Sv").with(0, old), []string{"Finalize db-0 featureCompatibilityVersion=8.0"}},
		"finalize: not burned in":                  {wanted(3), members("Pv", "Sv", "Sv").with(0, old), nil},
		"finalize: one of the release before":      {burned(wanted(3)), members("Pv", "Sv", "Sv").with(0, old).with(2, func(r *engine.Report) { r.Server.Version = "7.0.28" }), nil},
		"finalize: one is down":                    {burned(wanted(3)), members("Pv", "Sv", "Dv").with(0, old), nil},
		"finalize: no such way":                    {burned(wanted(3)), members("Pv", "Sv", "Sv").with(0, func(r *engine.Report) { r.Server.Facts[FactFeatures] = "6.0" }), nil},
		"finalize: it has been":                    {burned(wanted(3)), members("Pv", "Sv", "Sv"), nil},
		"four: three votes are enough":             {wanted(4), members("Pv", "Sv", "Sv", "S"), nil},
		"four: one vote too many":                  {wanted(4), members("Pv", "Sv", "Sv", "Sv"), []string{"Demote db-3 by db-0 costs a voter"}},
		"four: not the primary's":                  {wanted(4), members("Sv", "Sv", "Sv", "Pv"), []string{"Demote db-2 by db-3 costs a voter"}},
		"four: the spare takes a lost one's place": {wanted(4), members("Pv", "-", "Sv", "S"), []string{"Promote db-3 by db-0"}},
		"four to five":                             {wanted(5), members("Pv", "Sv", "Sv", "S", "S"), []string{"Promote db-3 by db-0", "Promote db-4 by db-0"}},
		"five to four":                             {wanted(4), members("Pv", "Sv", "Sv", "Sv", "Sv"), []string{"Demote db-4 by db-0 costs a voter"}},
		"five to four, the leaver is out":          {wanted(4), members("Pv", "Sv", "Sv", "Sv"), []string{"Demote db-3 by db-0 costs a voter"}},
		"two: both":                                {wanted(2), members("Pv", "S"), []string{"Promote db-1 by db-0"}},
		"nine: seven":                              {wanted(9), members("Pv", "Sv", "Sv", "Sv", "Sv", "Sv", "S", "S", "S"), []string{"Promote db-6 by db-0", "Promote db-7 by db-0", "Promote db-8 by db-0"}},
		"nine: no more than seven":                 {wanted(9), members("Pv", "Sv", "Sv", "Sv", "Sv", "Sv", "Sv", "S", "S"), nil},
		"no majority":                              {wanted(2), members("Pv", "Sv", "Sv").with(0, func(r *engine.Report) { r.Server.View = nil }), nil},
		"a later configuration is seen":            {wanted(2), members("Pv", "Sv", "Sv").with(1, func(r *engine.Report) { r.Server.Term++ }), nil},
		"two primaries":                            {wanted(2), members("Pv", "Sv", "Sv").with(1, func(r *engine.Report) { r.Server.Leader = true }), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if c.plan == nil {
				c.plan = []string{}
			}
			if diff := cmp.Diff(c.plan, told(Engine{}.Plan(c.want, c.have.observed()))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAssess(t *testing.T) {
	for name, c := range map[string]struct {
		have                  *scene
		known, formed, usable bool
		tolerance             int
	}{
		"three":                    {members("Pv", "Sv", "Sv"), true, true, true, 1},
		"five":                     {members("Pv", "Sv", "Sv", "Sv", "Sv"), true, true, true, 2},
		"one of three down":        {members("Pv", "Sv", "Dv"), true, true, true, 0},
		"a learner does not count": {members("Pv", "Sv", "S"), true, true, true, 0},
		"it does not say so too":   {members("Pv", "Sv", "Sv").with(2, func(r *engine.Report) { r.Server.Serving = false }), true, true, true, 0},
		"it says it is another":    {members("Pv", "Sv", "Sv").with(2, func(r *engine.Report) { r.Server.ID = "9" }), true, true, true, 0},
		"it knows of no primary": {members("Pv", "Sv", "Sv").with(2, func(r *engine.Report) {
			r.Server.Facts = map[string]string{FactUsers: UsersReady, FactEnd: "1/1/1", FactVoters: "0,1,2"}
		}), true, true, true, 0},
		"no primary": {members("Sv", "Sv", "Sv"), false, true, false, 0},
		"nothing":    {members("e", "-", "-"), false, false, false, 0},
		"no users": {members("Pv").with(0, func(r *engine.Report) {
			r.Server.Facts = map[string]string{FactUsers: UsersPending}
			r.Server.View = nil
		}), false, true, false, 0},
	} {
		a := Engine{}.Assess(c.have.observed())
		if a.Known != c.known || a.Formed != c.formed || a.Usable != c.usable || a.Serving != c.known || a.Tolerance != c.tolerance {
			t.Errorf("%s: %+v", name, a)
		}
		if !a.Known && a.Why == "" {
			t.Errorf("%s: nothing says why it is not known", name)
		}
	}
}
