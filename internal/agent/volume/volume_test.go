// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine"
)

var (
	self  = Identity{Member: "db-0", ClusterID: "c1"}
	grant = engine.Grant{Kind: engine.GrantForm, Size: 3, ClusterID: "c1", PodUID: "p", ClaimUID: "q", Founders: []string{"db-0"}}
)

func holdsRaft(names []string) bool { return slices.Contains(names, "raft") }

func TestClassify(t *testing.T) {
	marker := func(change func(*engine.Marker)) *engine.Marker {
		m := engine.Marker{Version: 1, Member: "db-0", Grant: grant}
		change(&m)
		return &m
	}
	plain := func(*engine.Marker) {}
	for _, c := range []struct {
		name string
		e    Evidence
		want engine.VolumeState
	}{
		{"nothing", Evidence{}, engine.VolumeEmpty},
		{"data without a marker", Evidence{Data: true}, engine.VolumeForeign},
		{"a marker that tells nothing", Evidence{Unreadable: "why"}, engine.VolumeForeign},
		{"a marker that tells nothing, and data", Evidence{Unreadable: "why", Data: true}, engine.VolumeForeign},
		{"granted, never started", Evidence{Marker: marker(plain)}, engine.VolumeMember},
		{"granted, started", Evidence{Marker: marker(plain), Data: true}, engine.VolumeMember},
		{"formed", Evidence{Marker: marker(func(m *engine.Marker) { m.Formed = true }), Data: true}, engine.VolumeMember},
		{"formed, data gone", Evidence{Marker: marker(func(m *engine.Marker) { m.Formed = true })}, engine.VolumeForeign},
		{"leaving", Evidence{Marker: marker(func(m *engine.Marker) { m.Leaving = true }), Data: true}, engine.VolumeLeaving},
		{"leaving, data retired", Evidence{Marker: marker(func(m *engine.Marker) { m.Leaving, m.Formed = true, true })}, engine.VolumeLeaving},
		{"another set's", Evidence{Marker: marker(func(m *engine.Marker) { m.Grant.ClusterID = "c2" }), Data: true}, engine.VolumeForeign},
		{"another set's, leaving", Evidence{Marker: marker(func(m *engine.Marker) { m.Grant.ClusterID = "c2"; m.Leaving = true })}, engine.VolumeForeign},
		{"another member's", Evidence{Marker: marker(func(m *engine.Marker) { m.Member = "db-1" }), Data: true}, engine.VolumeForeign},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Classify(self, c.e)
			if got.State != c.want {
				t.Errorf("state %s, want %s", got.State, c.want)
			}
			if got.State == engine.VolumeForeign && got.Why == "" {
				t.Error("foreign without a reason")
			}
		})
	}
}

// TestAVolumeIsAdopted marks data without a marker as that of a member of a formed
// set, in a pod that was told that there may be such, and nothing else.
func TestAVolumeIsAdopted(t *testing.T) {
	adopts := self
	adopts.Adopts = true
	if got := Classify(adopts, Evidence{Data: true}); got.State != engine.VolumeUnmarked {
		t.Errorf("data without a marker is %s", got.State)
	}
	for name, e := range map[string]Evidence{
		"another set's": {Marker: &engine.Marker{Version: 1, Member: "db-0", Grant: engine.Grant{ClusterID: "c2"}}, Data: true},
		"unreadable":    {Unreadable: "why", Data: true},
	} {
		if got := Classify(adopts, e); got.State != engine.VolumeForeign {
			t.Errorf("%s is %s", name, got.State)
		}
	}
	adopt := engine.Grant{Kind: engine.GrantAdopt, ClusterID: "c1", PodUID: "p", ClaimUID: "q"}
	empty, err := Open(t.TempDir(), adopts, holdsRaft)
	if err != nil {
		t.Fatal(err)
	}
	if err := empty.Grant(adopt); err == nil {
		t.Error("an empty volume was adopted")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "raft"), 0o700); err != nil {
		t.Fatal(err)
	}
	v, err := Open(dir, adopts, holdsRaft)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []engine.GrantKind{engine.GrantForm, engine.GrantJoin} {
		if err := v.Grant(engine.Grant{Kind: kind, ClusterID: "c1", PodUID: "p", ClaimUID: "q"}); err == nil {
			t.Errorf("data without a marker took a grant to %s", kind)
		}
	}
	if err := v.Grant(adopt); err != nil {
		t.Fatal(err)
	}
	for _, id := range []Identity{adopts, self} {
		again, err := Open(dir, id, holdsRaft)
		if err != nil {
			t.Fatal(err)
		}
		if s := again.Snapshot(); s.State != engine.VolumeMember || !s.Marker.Formed || s.Marker.Grant.Kind != engine.GrantAdopt {
			t.Errorf("adopted: %+v with %+v", s.Finding, s.Marker)
		}
	}
}

func open(t *testing.T, dir string) *Volume {
	t.Helper()
	v, err := Open(dir, self, holdsRaft)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func state(t *testing.T, v *Volume, want engine.VolumeState) Snapshot {
	t.Helper()
	s := v.Snapshot()
	if s.State != want {
		t.Fatalf("state %s (%s), want %s", s.State, s.Why, want)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLifeOfAVolume(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "lost+found"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, MarkerName+atomicfile.Suffix), []byte("{"), 0o600))

	v := open(t, dir)
	state(t, v, engine.VolumeEmpty)
	must(t, v.See(7))
	if s := open(t, dir).Snapshot(); s.State != engine.VolumeEmpty || s.Epoch != 0 {
		t.Errorf("an epoch was written to an empty volume: %+v", s)
	}
	if err := v.MarkFormed(); err == nil {
		t.Error("an empty volume was marked as formed")
	}

	must(t, v.Grant(grant))
	if s := state(t, open(t, dir), engine.VolumeMember); s.Epoch != 7 || s.Marker.Grant.Kind != engine.GrantForm || s.Marker.Formed {
		t.Errorf("after the grant: %+v %+v", s, s.Marker)
	}
	if err := v.Grant(grant); err == nil {
		t.Error("a member took a second grant")
	}

	must(t, os.Mkdir(filepath.Join(dir, "raft"), 0o700))
	must(t, v.MarkFormed())
	must(t, v.See(9))
	must(t, v.See(8))
	if s := state(t, open(t, dir), engine.VolumeMember); s.Epoch != 9 || !s.Marker.Formed {
		t.Errorf("after the formation: %+v %+v", s, s.Marker)
	}

	must(t, v.MarkLeaving())
	state(t, v, engine.VolumeLeaving)
	s := state(t, open(t, dir), engine.VolumeLeaving)
	if !s.Marker.Formed || s.Epoch != 9 {
		t.Errorf("leaving: %+v", s.Marker)
	}

	join := grant
	join.Kind = engine.GrantJoin
	must(t, v.Grant(join))
	if s := state(t, v, engine.VolumeMember); s.Marker.Formed || s.Marker.Leaving || s.Epoch != 9 || s.Marker.Grant.Kind != engine.GrantJoin {
		t.Errorf("after joining again: %+v", s.Marker)
	}
}

func TestMarksAreWrittenOnce(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	must(t, v.Grant(grant))
	must(t, v.MarkFormed())
	before, err := os.Stat(filepath.Join(dir, MarkerName))
	must(t, err)
	must(t, v.MarkFormed())
	after, err := os.Stat(filepath.Join(dir, MarkerName))
	must(t, err)
	if !os.SameFile(before, after) {
		t.Error("the marker was written again though nothing changed")
	}
}

func TestAForeignVolumeIsNeverWrittenTo(t *testing.T) {
	for name, marker := range map[string]string{
		"rubbish":      "not JSON",
		"empty file":   "",
		"empty object": "{}",
		"the future's": `{"version":99,"member":"db-0","grant":{"kind":"Form","clusterID":"c1"}}`,
		"no grant":     `{"version":1,"member":"db-0","grant":{"clusterID":"c1"}}`,
		"another's":    `{"version":1,"member":"db-0","grant":{"kind":"Form","clusterID":"c2"},"epoch":50}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, MarkerName)
			must(t, os.WriteFile(path, []byte(marker), 0o600))
			v := open(t, dir)
			if s := state(t, v, engine.VolumeForeign); s.Epoch != 0 || s.Why == "" {
				t.Errorf("snapshot %+v", s)
			}
			must(t, v.See(4))
			if v.Snapshot().Epoch != 4 {
				t.Error("the epoch was not kept in memory")
			}
			for what, err := range map[string]error{"grant": v.Grant(grant), "formed": v.MarkFormed(), "leaving": v.MarkLeaving()} {
				if err == nil {
					t.Errorf("%s: no error", what)
				}
			}
			got, err := os.ReadFile(path)
			must(t, err)
			if string(got) != marker {
				t.Errorf("the marker became %q", got)
			}
		})
	}
}

func TestARefusedVolumeTakesNothing(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	v.Refuse("init would not have it")
	if s := state(t, v, engine.VolumeForeign); s.Why != "init would not have it" {
		t.Errorf("snapshot %+v", s)
	}
	if err := v.Grant(grant); err == nil {
		t.Error("it took a grant")
	}
	state(t, open(t, dir), engine.VolumeEmpty)
}

func TestAMarkThatCannotBeWrittenIsNotKept(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	must(t, v.Grant(grant))
	// A directory in the place of the staged file fails even for root.
	must(t, os.MkdirAll(filepath.Join(dir, MarkerName+atomicfile.Suffix, "x"), 0o700))
	if err := v.MarkLeaving(); err == nil {
		t.Fatal("no error")
	}
	state(t, v, engine.VolumeMember)
	if err := v.See(3); err == nil {
		t.Error("no error for an epoch that was not kept")
	}
	if v.Snapshot().Epoch != 0 {
		t.Error("an epoch counts as kept that is not on the disk")
	}
}

func TestSnapshotsShareNothing(t *testing.T) {
	v := open(t, t.TempDir())
	must(t, v.Grant(grant))
	v.Snapshot().Marker.Grant.Founders[0] = "other"
	v.Snapshot().Marker.Leaving = true
	if s := v.Snapshot(); s.Marker.Grant.Founders[0] != "db-0" || s.Marker.Leaving {
		t.Errorf("a snapshot changed the volume: %+v", s.Marker)
	}
}

func TestAVolumeThatIsNotThere(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none"), self, holdsRaft); err == nil {
		t.Error("no error")
	}
}
