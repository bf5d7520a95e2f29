// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/engine"
)

// left are members of a set of five that nobody leads, by the end of their logs.
func left(ends ...string) *scene {
	sc := &scene{}
	for i, end := range ends {
		m := members("Sv").members[0]
		m.Name, m.Ordinal = "db-"+string(rune('0'+i)), i
		m.Report.Server.ID = string(rune('0' + i))
		m.Report.Server.Facts[FactEnd], m.Report.Server.Facts[FactVoters] = end, "0,1,2,3,4"
		sc.members = append(sc.members, m)
	}
	return sc
}

func TestRemains(t *testing.T) {
	five := []string{"0", "1", "2", "3", "4"}
	for name, c := range map[string]struct {
		have   *scene
		newest string
		voters []string
	}{
		"by term":                 {left("3/10/9", "4/2/1"), "db-1", five},
		"by second":               {left("4/10/9", "4/11/1"), "db-1", five},
		"by count":                {left("4/10/9", "4/10/8"), "db-0", five},
		"the lower of equals":     {left("4/10/9", "4/10/9"), "db-0", five},
		"one does not say":        {left("4/10/9", ""), "", nil},
		"one is about to be told": {left("4/10/9", "4/10/8").with(1, func(r *engine.Report) { r.Server.Facts[FactRecovery] = "1" }), "", nil},
		"not all have the word":   {left("4/10/9", "4/10/8").with(1, func(r *engine.Report) { r.Server.Facts[FactRecovery] = "0,1" }), "db-0", five},
	} {
		r := Engine{}.Remains(c.have.members)
		if r.Newest != c.newest || cmp.Diff(c.voters, r.Voters) != "" || r.Why == "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if got := (Engine{}).Recover(left("4/10/9", "4/10/8").members); cmp.Diff(map[string]string{ParamMembers: "0,1"}, got) != "" {
		t.Errorf("the word is %v", got)
	}
}

// Only the newest of those that all have the word is told, and only while nobody
// leads.
func TestPlanInARecovery(t *testing.T) {
	word := func(text string) func(*engine.Report) {
		return func(r *engine.Report) { r.Server.Facts[FactRecovery] = text }
	}
	down := func(r *engine.Report) { r.Server = engine.Server{} }
	for name, c := range map[string]struct {
		have *scene
		plan []string
	}{
		"no word":            {left("4/10/9", "4/10/9"), []string{}},
		"all have it":        {left("4/10/8", "4/10/9").with(0, word("0,1")).with(1, word("0,1")), []string{"Configure db-1 members=0,1"}},
		"one has it not":     {left("4/10/8", "4/10/9").with(0, word("0,1")), []string{}},
		"one does not run":   {left("4/10/8", "4/10/9").with(0, word("0,1")).with(1, down), []string{}},
		"one has another":    {left("4/10/8", "4/10/9").with(0, word("0,1")).with(1, word("1,0")), []string{}},
		"it is another's":    {left("4/10/8").with(0, word("1")), []string{}},
		"somebody leads":     {members("Pv", "Sv").with(1, word("11")), []string{}},
		"its end is unknown": {left("").with(0, word("0")), []string{}},
	} {
		if diff := cmp.Diff(c.plan, told(Engine{}.Plan(wanted(2), c.have.observed()))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
