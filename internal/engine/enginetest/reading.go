// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"encoding/json"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// checkReading asserts what an engine may make of reports that say nothing,
// and that it is pure.
func checkReading(t *testing.T, s Subject) {
	sc := &Scenario{Name: "reading", Members: 3, Formed: 3, Wanted: Wanted{Replicas: 3}}
	sc.With(s)
	w := sc.newWorld()
	if w.broken != "" {
		t.Fatal(w.broken)
	}
	full := observation(w)
	want := engine.Desired{Members: []string{Name(0), Name(1), Name(2)}}
	a := s.Engine.Assess(full)
	if !a.Known || !a.Formed || !a.Serving || !a.Usable || len(a.Peers) != 3 || a.Tolerance != 1 {
		t.Errorf("a set of three at rest is assessed as %+v", a)
	}
	if steps := s.Engine.Plan(want, full); len(steps) != 0 {
		t.Errorf("a set at rest has steps to do: %+v", steps)
	}
	for name, spoil := range spoilers {
		o := observation(w)
		for i := range o.Members {
			spoil(&o.Members[i])
		}
		checkSilence(t, s.Engine, name, want, o)
	}
	checkPure(t, s.Engine, want, full)
}

// spoilers take from a report what a member may fail to say.
var spoilers = map[string]func(*engine.MemberObservation){
	"silent":                func(m *engine.MemberObservation) { m.Report = nil },
	"empty reports":         func(m *engine.MemberObservation) { m.Report = &engine.Report{} },
	"servers that are down": func(m *engine.MemberObservation) { m.Report.Server = engine.Server{} },
	"no membership":         func(m *engine.MemberObservation) { m.Report.Server.View = nil },
	"an empty membership": func(m *engine.MemberObservation) {
		if m.Report.Server.View != nil {
			m.Report.Server.View = &engine.View{}
		}
	},
}

func checkSilence(t *testing.T, e engine.Engine, name string, want engine.Desired, o engine.Observation) {
	if a := e.Assess(o); a.Known && len(a.Peers) > 0 || a.Usable && !a.Serving {
		t.Errorf("%s: assessed as %+v", name, a)
	}
	want.Members = want.Members[:2]
	want.Lost = map[string][]string{Name(2): {"any"}}
	for _, step := range e.Plan(want, o) {
		if step.Cost.Disruptive() {
			t.Errorf("%s: a disruptive step is planned: %+v", name, step)
		}
	}
}

// checkPure asserts that the same question gets the same answer, and that
// nothing that was given is changed.
func checkPure(t *testing.T, e engine.Engine, want engine.Desired, o engine.Observation) {
	want.Members = want.Members[:1]
	before := text(t, want, o)
	first := text(t, e.Assess(o), e.Plan(want, o))
	for range 10 {
		if again := text(t, e.Assess(o), e.Plan(want, o)); again != first {
			t.Fatalf("the same observation is read in two ways:\n%s\n%s", first, again)
		}
	}
	if after := text(t, want, o); after != before {
		t.Errorf("the engine changed what it was given:\n%s\n%s", before, after)
	}
}

func text(t *testing.T, values ...any) string {
	t.Helper()
	b, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// observation is what an engine gets to see of a world.
func observation(w *World) engine.Observation {
	s, _ := w.observe(true)
	return observed(s)
}

func observed(s plan.State) engine.Observation {
	var out engine.Observation
	for _, m := range s.Members {
		out.Members = append(out.Members, engine.MemberObservation{
			Name: m.Name, Ordinal: int(m.Ordinal), Address: m.Address, PodReady: m.Pod != nil && m.Pod.Ready, Report: m.Report,
		})
	}
	return out
}
