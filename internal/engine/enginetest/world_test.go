// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"reflect"
	"testing"
)

// ExploreAnew is Explore, but for everything that is decided anew each time.
func ExploreAnew(sc *Scenario) (*Coverage, *Breach) { return explore(sc, nil) }

// noServers is a model of which nothing is asked but its key.
type noServers struct{ Model }

func (noServers) Key(b []byte) []byte { return b }

// TestWorldsAreToldApart holds that two worlds are never taken for the same that differ
// in anything that is wanted.
func TestWorldsAreToldApart(t *testing.T) {
	w := &World{sc: &Scenario{}, model: noServers{}}
	plain := string(w.key(nil))
	for i := range reflect.TypeFor[Wanted]().NumField() {
		w.wanted = Wanted{}
		field := reflect.ValueOf(&w.wanted).Elem().Field(i)
		switch name := reflect.TypeFor[Wanted]().Field(i).Name; {
		case field.CanInt():
			field.SetInt(1)
		case field.CanUint():
			field.SetUint(1)
		case field.Kind() == reflect.Bool:
			field.SetBool(true)
		default:
			t.Fatalf("a %s is not tried: %s", field.Kind(), name)
		}
		if string(w.key(nil)) == plain {
			t.Errorf("worlds that differ in %s are taken for the same", reflect.TypeFor[Wanted]().Field(i).Name)
		}
	}
}

// TestRecent holds that what is asked for stays, that what is not goes, and that
// nothing is made twice in between.
func TestRecent(t *testing.T) {
	var r recent[int, int]
	made := 0
	ask := func(key int) {
		if got := r.of(key, func() int { made++; return -key }); got != -key {
			t.Fatalf("%d for %d", got, key)
		}
	}
	ask(1)
	for key := range mostRecent {
		ask(2 + key)
		ask(1)
	}
	if made != mostRecent+1 {
		t.Errorf("%d were made for %d", made, mostRecent+1)
	}
	for key := range 2 * mostRecent {
		ask(2*mostRecent + key)
	}
	if len(r.now)+len(r.before) > 2*mostRecent {
		t.Errorf("%d are held", len(r.now)+len(r.before))
	}
	before := made
	if ask(1); made != before+1 {
		t.Error("what nobody asked for is held for good")
	}
}
