// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"testing"

	"github.com/quorate/quorate/internal/engine"
)

func TestDecide(t *testing.T) {
	for state, open := range map[engine.VolumeState]bool{
		engine.VolumeMember:   true,
		engine.VolumeEmpty:    false,
		engine.VolumeLeaving:  false,
		engine.VolumeForeign:  false,
		engine.VolumeUnmarked: false,
		"":                    false,
		"Another":             false,
	} {
		d := Decide(state)
		if d.Open != open {
			t.Errorf("%q: open %v", state, d.Open)
		}
		if d.Open == (d.Waits != "") {
			t.Errorf("%q: open %v, waits %q", state, d.Open, d.Waits)
		}
	}
}

func TestJudge(t *testing.T) {
	form := engine.Grant{Kind: engine.GrantForm, Size: 3, ClusterID: "c", PodUID: "p", ClaimUID: "q", Founders: []string{"a"}}
	with := func(change func(*engine.Grant)) engine.Grant {
		g := form
		change(&g)
		return g
	}
	join := with(func(g *engine.Grant) { g.Kind, g.Size = engine.GrantJoin, 0 })
	adopt := with(func(g *engine.Grant) { g.Kind, g.Size = engine.GrantAdopt, 0 })
	later := with(func(g *engine.Grant) { g.PodUID, g.Founders = "p2", []string{"a", "b"} })
	marked := &engine.Marker{Grant: form}
	for _, c := range []struct {
		name   string
		volume engine.VolumeState
		marker *engine.Marker
		grant  engine.Grant
		want   Verdict
	}{
		{"empty takes form", engine.VolumeEmpty, nil, form, Take},
		{"empty takes join", engine.VolumeEmpty, nil, join, Take},
		{"member has its grant", engine.VolumeMember, marked, form, Have},
		{"member has its grant, in a later pod", engine.VolumeMember, marked, later, Have},
		{"member refuses another kind", engine.VolumeMember, marked, join, Refuse},
		{"member refuses another size", engine.VolumeMember, marked, with(func(g *engine.Grant) { g.Size = 5 }), Refuse},
		{"member refuses another claim's", engine.VolumeMember, marked, with(func(g *engine.Grant) { g.ClaimUID = "x" }), Refuse},
		{"member refuses another set's", engine.VolumeMember, marked, with(func(g *engine.Grant) { g.ClusterID = "x" }), Refuse},
		{"leaving never forms", engine.VolumeLeaving, marked, form, Refuse},
		{"leaving joins afresh", engine.VolumeLeaving, marked, join, TakeAfterRetiring},
		{"empty has nothing to adopt", engine.VolumeEmpty, nil, adopt, Refuse},
		{"data without a marker is adopted", engine.VolumeUnmarked, nil, adopt, Take},
		{"data without a marker never joins", engine.VolumeUnmarked, nil, join, Refuse},
		{"data without a marker never forms", engine.VolumeUnmarked, nil, form, Refuse},
		{"a member is not adopted", engine.VolumeMember, marked, adopt, Refuse},
		{"adopted is adopted", engine.VolumeMember, &engine.Marker{Grant: adopt}, adopt, Have},
		{"who has left is not adopted", engine.VolumeLeaving, marked, adopt, Refuse},
		{"foreign is not adopted", engine.VolumeForeign, nil, adopt, Refuse},
		{"foreign takes nothing", engine.VolumeForeign, nil, join, Refuse},
		{"foreign takes nothing, not even what it has", engine.VolumeForeign, marked, form, Refuse},
		{"an unknown state takes nothing", "Another", nil, form, Refuse},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, why := Judge(c.volume, c.marker, c.grant)
			if got != c.want {
				t.Errorf("verdict %s (%s), want %s", got, why, c.want)
			}
			if (got == Refuse) != (why != "") {
				t.Errorf("verdict %s with the reason %q", got, why)
			}
		})
	}
}
