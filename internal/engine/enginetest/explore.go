// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"strings"
	"time"
)

// Breach is a law that was broken, with the way there.
type Breach struct {
	Scenario string
	Law      string
	Way      []string
}

func (b *Breach) Error() string {
	return fmt.Sprintf("%s: %s\n  %s", b.Scenario, b.Law, strings.Join(b.Way, "\n  "))
}

// Explore walks the worlds of a scenario, nearest first, so that the way to a
// breach is as short as can be, and returns the first breach that it finds.
func Explore(sc *Scenario) (*Coverage, *Breach) { return explore(sc, &memory{}) }

func explore(sc *Scenario, m *memory) (*Coverage, *Breach) {
	started := time.Now()
	x := &explorer{sc: sc, seen: map[uint64]struct{}{}, calm: map[uint64]struct{}{}, alone: map[uint64]struct{}{}, cov: NewCoverage()}
	sc.refused, sc.memory = x.cov.refuse, m
	b := x.walk()
	sc.memory = nil
	x.cov.Complete = x.cov.Complete && b == nil
	x.cov.Took = time.Since(started)
	return x.cov, b
}

// explorer is one walk.
type explorer struct {
	sc    *Scenario
	seen  map[uint64]struct{} // worlds that were reached
	calm  map[uint64]struct{} // worlds that are known to come to rest as they should
	alone map[uint64]struct{} // worlds that are known to serve without a manager
	nodes []node
	cov   *Coverage
	buf   []byte
	acts  []Action
}

// node is how a world was reached.
type node struct {
	from   int32
	action Action
}

type reached struct {
	world *World
	node  int32
}

func (x *explorer) walk() *Breach {
	first := x.sc.newWorld()
	if first.broken != "" {
		return &Breach{Scenario: x.sc.Name, Law: first.broken, Way: []string{"at the beginning"}}
	}
	queue := x.reach(nil, first, -1, Action{})
	for len(queue) > 0 {
		if len(x.nodes) >= x.sc.MaxStates {
			return x.cut()
		}
		at := queue[0]
		queue[0] = reached{}
		queue = queue[1:]
		if b := x.comesToRest(at); b != nil {
			return b
		}
		if b := x.livesAlone(at); b != nil {
			return b
		}
		var b *Breach
		if queue, b = x.expand(at, queue); b != nil {
			return b
		}
	}
	return nil
}

// cut ends a walk that has reached its bound.
func (x *explorer) cut() *Breach {
	x.cov.Complete = false
	if x.sc.Sampled {
		return nil
	}
	return &Breach{Scenario: x.sc.Name, Law: fmt.Sprintf("the walk was cut at %d states and was meant to reach them all", len(x.nodes))}
}

func (x *explorer) expand(at reached, queue []reached) ([]reached, *Breach) {
	actions, p := at.world.actions(x.acts)
	x.acts = actions
	x.cov.note(p)
	if at.world.broken != "" {
		return nil, x.breach(at.node, at.world.broken, "decision: "+p.describe())
	}
	for _, a := range actions {
		n := at.world.after(a, p)
		x.cov.Steps++
		if a.Kind > actTakeover || a.Kind > actResumeOld {
			x.cov.Faults[actionNames[a.Kind]]++
		}
		if n.broken != "" {
			return nil, x.breach(at.node, n.broken, a.String(), "decision: "+p.describe())
		}
		queue = x.reach(queue, n, at.node, a)
	}
	return queue, nil
}

// reach adds a world to the queue unless it was reached before.
func (x *explorer) reach(queue []reached, w *World, from int32, a Action) []reached {
	var h uint64
	h, x.buf = w.hash(x.buf, true)
	if _, known := x.seen[h]; known {
		return queue
	}
	x.seen[h] = struct{}{}
	x.nodes = append(x.nodes, node{from, a})
	x.cov.States++
	return append(queue, reached{w, int32(len(x.nodes) - 1)})
}

// comesToRest lets a copy of the world settle and asserts what it settles to.
func (x *explorer) comesToRest(at reached) *Breach {
	if x.sc.SafetyOnly {
		return nil
	}
	w := at.world.clone()
	w.heal()
	if !x.settles(w, x.calm, w.turn, func() { x.cov.Rests++; w.checkRest() }) {
		return x.breach(at.node, w.broken, "then without faults: "+w.describe())
	}
	return nil
}

// livesAlone lets a copy of the world settle without a manager and asserts that it
// serves.
func (x *explorer) livesAlone(at reached) *Breach {
	w := at.world.clone()
	w.leaveAlone()
	if !x.settles(w, x.alone, w.turnAlone, w.checkAlone) {
		return x.breach(at.node, w.broken, "then without a manager: "+w.describe())
	}
	return nil
}

// settles has a world take turns until none is due, and checks it then. It stops where
// it meets a world that is known to settle well, and is false where a law is broken.
func (x *explorer) settles(w *World, known map[uint64]struct{}, turn func() bool, check func()) bool {
	var way []uint64
	for range mostTurns {
		var h uint64
		h, x.buf = w.hash(x.buf, false)
		if _, well := known[h]; well {
			return remember(known, way)
		}
		way = append(way, h)
		if !turn() {
			check()
			return w.broken == "" && remember(known, way)
		}
		if w.checkWorld(); w.broken != "" {
			return false
		}
	}
	w.violate("liveness: the world does not come to rest")
	return false
}

func remember(known map[uint64]struct{}, way []uint64) bool {
	for _, h := range way {
		known[h] = struct{}{}
	}
	return true
}

// breach follows the nodes back to the beginning.
func (x *explorer) breach(at int32, law string, last ...string) *Breach {
	var actions []Action
	for n := at; n > 0; n = x.nodes[n].from {
		actions = append(actions, x.nodes[n].action)
	}
	b := &Breach{Scenario: x.sc.Name, Law: law}
	w := x.sc.newWorld()
	b.Way = append(b.Way, "at the beginning: "+w.describe())
	for i := len(actions) - 1; i >= 0; i-- {
		w = w.after(actions[i], nil)
		b.Way = append(b.Way, fmt.Sprintf("%s: %s", actions[i], w.describe()))
	}
	b.Way = append(b.Way, last...)
	return b
}
